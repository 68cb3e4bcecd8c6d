"""A tiny random Llama at two commits, in the layout of the Hub's cache: made on the spot, not downloaded.

Run as `python -m tests.live.tiny_llama <HF_HOME>`. The commits differ in their weights, so a greedy answer
tells which of them gave it. `refs/main` names the second.
"""

import sys
from pathlib import Path
from typing import Any, Final

REPO: Final = "acme/tiny-llama"
FIRST: Final = "0123456789abcdef" * 2 + "01234567"
SECOND: Final = "fedcba9876543210" * 2 + "fedcba98"
CONTEXT: Final = 256
_TEMPLATE: Final = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }} {% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)
_END: Final = "<|end|>"
_CORPUS: Final = ("The sea is calm today.", "user: Is the ferry late?", "assistant: The ferry left at noon.")
_SEEDS: Final = {FIRST: 1, SECOND: 2}


def write_cache(home: Path) -> None:
    """Both commits under `home`/hub, as huggingface_hub would have left them."""
    repo = home / "hub" / f"models--{REPO.replace('/', '--')}"
    for commit, seed in _SEEDS.items():
        _write_snapshot(repo / "snapshots" / commit, seed)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(SECOND)


def _write_snapshot(folder: Path, seed: int) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = _trained_tokenizer()
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        initializer_range=1.0,  # as far from zero as makes one answer unlike another
        bos_token_id=None,
        eos_token_id=None,  # never ends by itself: an answer is as long as was asked for
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _trained_tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    # Letters alone, so that an answer is text whatever the weights say.
    trainer = trainers.BpeTrainer(vocab_size=96, special_tokens=[_END], show_progress=False)
    plain.train_from_iterator(_CORPUS, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=plain, eos_token=_END, pad_token=_END, chat_template=_TEMPLATE
    )


if __name__ == "__main__":
    write_cache(Path(sys.argv[1]))
