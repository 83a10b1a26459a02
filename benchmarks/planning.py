"""How long composing and planning 3 000 jobs takes: `python -m benchmarks.planning`. Wanted: at most 2 s each.

Treatments are composed one by one, by Hydra itself; their repetitions cost nothing. So the same 3 000 jobs are planned
twice: as 6 frameworks × 500 iterations, and as 100 treatments × 30 iterations; and 18 000 for 100 machines.
"""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.types import HydraContext, RunMode

from src.config.schema import register
from src.paths import CONF
from src.plan.sweep_plan import SweepPlan

CASES = {
    "6 treatments × 500 iterations": [
        "framework=tf,torch,jax,tf_tuned,torch_tuned,jax_tuned",
        "protocol.iterations=500",
    ],
    "6 treatments × 30 blocks on each of 100 machines": [
        "framework=tf,torch,jax,tf_tuned,torch_tuned,jax_tuned",
        "protocol.iterations=3000",
        "protocol.machines=100",
    ],
    "100 treatments × 30 iterations": [
        "framework=tf,torch,jax,torch_tuned,tf_tuned",
        "training.batch_size=16,32,64,128,256",
        "training.epochs=1,2,3,4",
        "protocol.iterations=30",
    ],
}


def plan(arguments: list[str]) -> SweepPlan:
    """Plan a sweep as `python -m src.main -m ARGUMENTS` does, short of starting it."""
    hydra = GlobalHydra.instance().hydra
    assert hydra is not None
    config = hydra.compose_config("config", list(arguments), RunMode.MULTIRUN, with_log_configuration=False)
    context = HydraContext(config_loader=hydra.config_loader, callbacks=None)  # type: ignore[arg-type]
    sweeper = Plugins.instance().instantiate_sweeper(config=config, hydra_context=context, task_function=lambda _: None)
    return sweeper.plan(arguments)  # type: ignore[attr-defined]


def main() -> None:
    """Print one Markdown row a case."""
    register()
    print("| case | jobs | seconds, plan.json written | memory MB, all cases so far |\n| --- | ---: | ---: | ---: |")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for name, arguments in CASES.items():
            begin = time.perf_counter()
            planned = plan(arguments)
            with tempfile.TemporaryDirectory() as folder:
                planned.rewrite(Path(folder))
            memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"| {name} | {len(planned.slots)} | {time.perf_counter() - begin:.1f} | {memory_mb:.0f} |")


if __name__ == "__main__":
    main()
