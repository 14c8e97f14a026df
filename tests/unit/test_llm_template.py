"""Chat templates: the built-in forms, a sandbox around foreign ones, and their refusals."""

from __future__ import annotations

import pytest

from backend_embedded.llm.runner.protocol import RequestFailed, Turn
from backend_embedded.llm.runner.template import CHATML, ZEPHYR, ChatTemplate, built_in_template

SYSTEM, USER, ANSWER = Turn("system", "Be kind."), Turn("user", "Hi"), Turn("assistant", "Hello the")


def test_zephyr_is_the_form_of_a_tinyllama_without_a_template() -> None:
    source = built_in_template(["tinyllama-1.1b-chat-v1.0.Q4_0", ""])
    assert source == built_in_template(["x", "Tiny-Llama"]) == ZEPHYR
    text = ChatTemplate(source, "<s>", "</s>").render([SYSTEM, USER])
    assert text == "<|system|>\nBe kind.</s>\n<|user|>\nHi</s>\n<|assistant|>\n"


def test_chatml_is_the_form_of_the_rest() -> None:
    source = built_in_template(["something", ""])
    assert source == CHATML
    assert ChatTemplate(source).render([USER]) == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"


def test_a_partial_answer_follows_the_generation_prompt() -> None:
    template = ChatTemplate(CHATML)
    whole = template.render([USER, ANSWER], continue_last=True)
    assert whole == template.render([USER]) + "Hello the"


def test_what_templates_expect_is_there() -> None:
    source = (
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ m.content|trim }}{% endif %}"
        "{% if loop.last %}{% break %}{% endif %}{% endfor %}{{ strftime_now('%Y')|length }}"
    )
    assert ChatTemplate(source, "<s>").render([Turn("user", " a ")]) == "<s>a4"


def test_a_refusal_of_the_template_is_told() -> None:
    template = ChatTemplate("{{ raise_exception('roles must alternate') }}")
    with pytest.raises(RequestFailed, match="roles must alternate") as caught:
        template.render([USER])
    assert caught.value.code == "INVALID_INPUT"


def test_a_template_without_a_system_role_gets_its_text_with_the_first_question() -> None:
    source = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
        "{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}"
    )
    assert ChatTemplate(source).render([SYSTEM, USER]) == "[user] Be kind.\n\nHi"


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages.__class__.__mro__ }}",
        "{{ ''.__class__.__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ strftime_now.__globals__ }}",
    ],
)
def test_a_template_cannot_leave_its_sandbox(source: str) -> None:
    try:
        text = ChatTemplate(source).render([USER])
    except RequestFailed:
        return
    assert text == ""


def test_a_template_that_is_no_jinja_names_the_model() -> None:
    with pytest.raises(RequestFailed) as caught:
        ChatTemplate("{% for %}")
    assert caught.value.code == "MODEL_FILE_INVALID"
