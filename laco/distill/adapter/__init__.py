"""Cache-to-cache adapters: how one model learns to read another model's keys and values (docs/adapters.md)."""
