"""Names of models as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_embedded.errors import InvalidInput
from backend_embedded.library.reference import (
    FileReference,
    HuggingFaceReference,
    OllamaReference,
    parse_reference,
)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("tinyllama", OllamaReference("library", "tinyllama", "latest")),
        ("qwen2.5:0.5b", OllamaReference("library", "qwen2.5", "0.5b")),
        ("owner/name:tag", OllamaReference("owner", "name", "tag")),
        ("https://ollama.com/library/tinyllama", OllamaReference("library", "tinyllama", "latest")),
        ("hf.co/Owner/Name-GGUF", HuggingFaceReference("Owner", "Name-GGUF")),
        ("hf.co/o/n:Q8_0", HuggingFaceReference("o", "n", quantization="Q8_0")),
        ("hf.co/o/n@52e7645:Q8_0", HuggingFaceReference("o", "n", "", "52e7645", "Q8_0")),
        ("hf.co/o/n/a.Q4_K_M.gguf", HuggingFaceReference("o", "n", "a.Q4_K_M.gguf")),
        ("hf.co/o/n/sub/a.gguf@52e7645", HuggingFaceReference("o", "n", "sub/a.gguf", "52e7645")),
        (
            "https://huggingface.co/o/n/resolve/main/a.gguf?download=true",
            HuggingFaceReference("o", "n", "a.gguf"),
        ),
        ("https://example.org/x/a.gguf", FileReference("https://example.org/x/a.gguf")),
    ],
)
def test_what_a_name_means(text: str, meant: object) -> None:
    assert parse_reference(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "a b", "name:", ":tag", "a/b/c/d", "../../etc/passwd", "hf.co/owner", "hf.co/o/n/readme.md",
        "hf.co/o/n/../../x.gguf", "https://example.org/a.zip", "https://user:secret@example.org/a.gguf",
        "ftp://example.org/a.gguf", "file:///etc/a.gguf", "example.org/o/n", "https:///a.gguf",
        "https://example.org:port/a.gguf", "name\n:tag", "hf.co/o/n:", "hf.co/o/n/a.gguf:Q8_0", "hf.co/o/n:a/b",
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_reference(text)
    assert caught.value.remedy


@given(st.text(max_size=80) | st.from_regex(r"(hf\.co/)?[\w./:@-]{1,40}(\.gguf)?", fullmatch=True))
def test_any_text_means_something_or_is_refused_and_what_it_means_can_be_written_again(text: str) -> None:
    try:
        reference = parse_reference(text)
    except InvalidInput:
        return
    assert parse_reference(str(reference)) == reference
    assert ".." not in str(reference) or isinstance(reference, FileReference)
