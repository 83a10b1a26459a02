"""From the composed configuration to the job that one worker does."""

from __future__ import annotations

from src.config.check import layer_values
from src.config.schema import Config
from src.contract.run_files import Job
from src.workloads.training.data.prepare import Prepared
from src.workloads.training.frameworks import foreign_packages


def build_job(config: Config, prepared: Prepared) -> Job:
    """Everything the worker needs, in plain values."""
    training, hardware = config.training, config.hardware
    return Job(
        framework=config.framework.name,
        packages=config.framework.packages,
        foreign=foreign_packages(config.framework.packages),
        trainer=config.framework.trainer,
        layers=[layer_values(layer) for layer in config.model.layers],
        train_images=str(prepared.train_images),
        train_labels=str(prepared.train_labels),
        test_images=str(prepared.test_images),
        test_labels=str(prepared.test_labels),
        train_size=prepared.train_size,
        test_size=prepared.test_size,
        classes=config.dataset.classes,
        epochs=training.epochs,
        batch_size=training.batch_size,
        eval_batch_size=training.eval_batch_size,
        learning_rate=training.learning_rate,
        beta_1=training.beta_1,
        beta_2=training.beta_2,
        epsilon=training.epsilon,
        seed=training.seed,
        device=hardware.device.value,
        threads=hardware.threads,
        affinity=hardware.affinity,
    )
