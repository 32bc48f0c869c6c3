"""The method: what a vehicle says and how it listens. Pure tensor code over a transformers decoder."""
