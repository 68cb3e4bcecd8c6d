"""A tiny random Llama as one GGUF file: made on the spot, nothing is downloaded.

Run as `python -m tests.live.tiny_gguf <file>`. Its vocabulary is SentencePiece's smallest: three marks,
every byte, and a few words. Keys and tensors: the GGUF specification (ggml, docs/gguf.md).
"""

import sys
from pathlib import Path
from typing import Any, Final

COMMIT: Final = "89abcdef01234567" * 2 + "89abcdef"
CONTEXT: Final = 256
_WIDTH: Final = 32
_INNER: Final = 64
_LAYERS: Final = 2
_HEADS: Final = 4
_WORDS: Final = ["▁", "▁the", "▁sea", "▁is", "▁calm", "▁ferry", "▁late"]
_TEMPLATE: Final = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}assistant:"
)


def write_gguf(path: Path) -> None:
    """The whole file."""
    from gguf import GGUFWriter

    path.parent.mkdir(parents=True, exist_ok=True)
    writer = GGUFWriter(path, "llama")
    writer.add_name("tiny-llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_feed_forward_length(_INNER)
    writer.add_block_count(_LAYERS)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_chat_template(_TEMPLATE)
    size = _add_vocabulary(writer)
    _add_weights(writer, size)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_vocabulary(writer: Any) -> int:
    from gguf import TokenType

    marks = [("<unk>", TokenType.UNKNOWN), ("<s>", TokenType.CONTROL), ("</s>", TokenType.CONTROL)]
    single = [(f"<0x{byte:02X}>", TokenType.BYTE) for byte in range(256)]
    words = [(word, TokenType.NORMAL) for word in _WORDS]
    tokens = [*marks, *single, *words]
    writer.add_tokenizer_model("llama")
    writer.add_token_list([token for token, _ in tokens])
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types([int(kind) for _, kind in tokens])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    return len(tokens)


def _add_weights(writer: Any, size: int) -> None:
    import numpy as np

    random = np.random.default_rng(1)

    def add(name: str, *shape: int) -> None:
        writer.add_tensor(f"{name}.weight", random.standard_normal(shape, dtype=np.float32))

    def add_norm(name: str) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(_WIDTH, dtype=np.float32))

    add("token_embd", size, _WIDTH)
    add("output", size, _WIDTH)
    add_norm("output_norm")
    for layer in range(_LAYERS):
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"blk.{layer}.{part}", _WIDTH, _WIDTH)
        add(f"blk.{layer}.ffn_gate", _INNER, _WIDTH)
        add(f"blk.{layer}.ffn_up", _INNER, _WIDTH)
        add(f"blk.{layer}.ffn_down", _WIDTH, _INNER)
        add_norm(f"blk.{layer}.attn_norm")
        add_norm(f"blk.{layer}.ffn_norm")


if __name__ == "__main__":
    write_gguf(Path(sys.argv[1]))
