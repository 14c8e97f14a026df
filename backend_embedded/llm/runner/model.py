"""One GGUF model in llama.cpp's memory: its tokenizer, its facts and its contexts."""

from __future__ import annotations

import ctypes
from typing import Any

from backend_embedded.llm.runner.protocol import RequestFailed, RunnerConfig
from backend_embedded.llm.runner.template import ChatTemplate, built_in_template

FLASH_ATTENTION_OFF = 0
POOLING_AS_IN_FILE, POOLING_NONE, POOLING_MEAN = -1, 0, 1
"""llama.h, enum llama_pooling_type."""
_PIECE_BYTES = 256


class LoadedModel:
    """The model of one runner.

    Args:
        llama: the low-level bindings.
        config: which file, and how.
        log: lines that llama.cpp logged so far, for the cause of a failure.

    Raises:
        RequestFailed: the file cannot be loaded; says why and what to do.
    """

    def __init__(self, llama: Any, config: RunnerConfig, log: list[str]) -> None:
        self._llama = llama
        self._threads = config.threads
        parameters = llama.llama_model_default_params()
        self._model = llama.llama_model_load_from_file(config.model_path.encode(), parameters)
        if not self._model:
            raise load_failure(config, log)
        if llama.llama_model_has_encoder(self._model) or not llama.llama_model_has_decoder(self._model):
            raise RequestFailed(
                "MODEL_UNSUPPORTED",
                f"{config.model_path} is not a model that writes text.",
                "Use another model.",
                file=config.model_path,
            )
        architecture = self.metadata("general.architecture") or ""
        both_sides = self.metadata(f"{architecture}.attention.causal") == "false"
        self._pools = self.metadata(f"{architecture}.pooling_type") not in (None, str(POOLING_NONE))
        self.writes = not both_sides and not self._pools
        """Whether it writes text. Others make one vector of a text: by their pooling, or by its mean."""
        self.vocab = llama.llama_model_get_vocab(self._model)
        self.vocab_size: int = llama.llama_vocab_n_tokens(self.vocab)
        self.parameters: int = llama.llama_model_n_params(self._model)
        self.width: int = llama.llama_model_n_embd(self._model)
        trained: int = llama.llama_model_n_ctx_train(self._model)
        self.context_size = min(config.context_size, trained) if trained > 0 else config.context_size
        self.partial_reuse = not (
            llama.llama_model_is_recurrent(self._model) or llama.llama_model_is_hybrid(self._model)
        )
        """Whether the first part of a sequence can be kept by itself."""
        self._pieces: dict[int, bytes] = {}
        self._adds_bos: bool = llama.llama_vocab_get_add_bos(self.vocab)
        self._bos = self._token_text(llama.llama_vocab_bos(self.vocab))
        self.template = self._chat_template(config.name)

    def new_context(self, *, sequences: int, size: int, batch: int, embeddings: bool = False) -> Any:
        """A context of llama.cpp whose steps read up to `batch` tokens.

        Raises:
            RequestFailed: not enough memory.
        """
        parameters = self._llama.llama_context_default_params()
        parameters.n_ctx = size
        parameters.n_batch = parameters.n_ubatch = min(batch, size)
        parameters.n_seq_max = sequences
        parameters.n_threads = parameters.n_threads_batch = self._threads
        parameters.kv_unified = True
        # Measured on a processor, no GPU: beyond some hundred tokens the plain form is the faster one.
        parameters.flash_attn_type = FLASH_ATTENTION_OFF
        parameters.embeddings = embeddings
        parameters.n_outputs_max = sequences  # one row of logits each: the buffers stay small
        if embeddings:
            # None for models that write: the mean is ours, so that a long text can be read in pieces.
            pooling = POOLING_AS_IN_FILE if self._pools else POOLING_MEAN
            parameters.pooling_type = POOLING_NONE if self.writes else pooling
            parameters.n_outputs_max_per_seq = parameters.n_outputs_max = parameters.n_batch
        context = self._llama.llama_init_from_model(self._model, parameters)
        if not context:
            raise RequestFailed(
                "NOT_ENOUGH_MEMORY",
                f"There is not enough memory for a context of {size} tokens.",
                "Choose a smaller context size in the settings, or close other programs.",
                context_size=size,
            )
        return context

    def tokenize(self, text: str) -> list[int]:
        """Tokens of a prompt; special tokens written in it are read as such."""
        if self._adds_bos and self._bos and text.startswith(self._bos):
            text = text[len(self._bos) :]  # the template wrote it; the tokenizer adds it again
        return self._tokens(text, around=True)

    def plain_tokens(self, text: str) -> int:
        """How many tokens a text is by itself, without those that begin and end a prompt."""
        return len(self._tokens(text, around=False))

    def _tokens(self, text: str, *, around: bool) -> list[int]:
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        tokens = (ctypes.c_int32 * room)()
        count = self._llama.llama_tokenize(self.vocab, data, len(data), tokens, room, around, True)
        return tokens[:count]

    def piece(self, token: int) -> bytes:
        """Bytes of a token as text shows it; empty for control tokens."""
        known = self._pieces.get(token)
        if known is None:
            known = self._pieces[token] = self._piece(token, special=False)
        return known

    def shown_piece(self, token: int) -> bytes:
        """Bytes of a token, those of control tokens too."""
        return self._piece(token, special=True)

    def ends(self, token: int) -> bool:
        """Whether the model ends its answer with this token."""
        return bool(self._llama.llama_vocab_is_eog(self.vocab, token))

    def metadata(self, key: str) -> str | None:
        """A string of the file's metadata."""
        size = 1024
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = self._llama.llama_model_meta_val_str(self._model, key.encode(), buffer, size)
            if length < 0:
                return None
            if length < size:
                return buffer.value.decode("utf-8", "replace")
            size = length + 1

    def _chat_template(self, name: str) -> ChatTemplate:
        source = self.metadata("tokenizer.chat_template")
        if source is None:
            source = built_in_template([name, self.metadata("general.name") or ""])
        return ChatTemplate(source, self._bos, self._token_text(self._llama.llama_vocab_eos(self.vocab)))

    def _token_text(self, token: int) -> str:
        return "" if token < 0 else self._piece(token, special=True).decode("utf-8", "replace")

    def _piece(self, token: int, *, special: bool) -> bytes:
        size = _PIECE_BYTES
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = self._llama.llama_token_to_piece(self.vocab, token, buffer, size, 0, special)
            if length >= 0:
                return buffer.raw[:length]
            size = -length


def load_failure(config: RunnerConfig, log: list[str]) -> RequestFailed:
    """Why llama.cpp could not load a file, read from what it logged."""
    text = "\n".join(log)
    lowered = text.lower()
    file = config.model_path
    cause = next((line.strip() for line in log if "error" in line.lower()), "no cause was given")
    if "unknown model architecture" in lowered:
        architecture = text.split("unknown model architecture:", 1)[-1].split("\n", 1)[0].strip(" '\"")
        return RequestFailed(
            "MODEL_UNSUPPORTED",
            f"{file}: this engine does not know the architecture “{architecture}”.",
            "Use another model, or a newer engine.",
            file=file,
            architecture=architecture,
        )
    if "failed to allocate" in lowered or "out of memory" in lowered or "unable to allocate" in lowered:
        return RequestFailed(
            "NOT_ENOUGH_MEMORY",
            f"{file}: there is not enough memory to load it.",
            "Close other programs, or use a smaller model.",
            file=file,
        )
    return RequestFailed(
        "MODEL_FILE_INVALID",
        f"{file}: llama.cpp cannot read it: {cause}",
        "The file is damaged or not complete: fetch it again, or delete it.",
        file=file,
    )
