"""The language-model driver, taught by the expert: rows of text, a LoRA on its upper layers, its own states."""
