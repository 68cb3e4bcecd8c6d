"""Models of the sandbox's catalogue, by the part they play in a test."""

SENTIMENT = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
SENTIMENT_2 = "siebert/sentiment-roberta-large-english"
ZERO_SHOT = "facebook/bart-large-mnli"
EMBEDDING = "BAAI/bge-small-en-v1.5"
GENERATION = "openai-community/gpt2"
CHAT = "meta-llama/Llama-3.1-8B-Instruct"
CHAT_NAME_ONLY = "gpt-4.1-mini-2025-04-14"
