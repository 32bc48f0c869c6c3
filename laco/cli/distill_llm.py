"""`laco distill llm`: fine-tune a language model to drive."""

from pathlib import Path
from typing import Annotated

import typer


def llm(
    out: Annotated[Path, typer.Option(help="Folder for rows, checkpoints and the LoRA; resumes what is there.")],
    model: Annotated[str, typer.Option(metavar="NAME|PATH", help="The model, a Llama of any size.")] = "smollm2",
    scale: Annotated[float, typer.Option(min=0.001, max=1.0, help="Share of the full recipe's rows and steps.")] = 1.0,
    threads: Annotated[int, typer.Option(min=1, help="Processor threads.")] = 1,
) -> None:
    """Teach a language model the expert's answers, in a LoRA on its upper layers (needs the extra `train`).

    The full recipe takes hours on two cores; `laco run --driver llm --weights OUT/NAME.safetensors` uses what it makes.
    """
    import torch

    from laco.agents.drivers.check import check_model
    from laco.distill.llm.recipe import Recipe, cook, scaled
    from laco.report.files import prepare

    check_model(model)
    torch.set_num_threads(threads)
    path = cook(scaled(Recipe(), scale), model, prepare(out), report=lambda line: typer.echo(line, err=True))
    typer.echo(f"LoRA: {path}")
