"""MLflow's own scoring server on a pyfunc model that holds the bundle."""

import os
import sys
from pathlib import Path
from typing import Any

from pipelines.benchmarks.serving.programs.model import Arguments, Model, arguments


def save(given: Arguments) -> Path:
    """Save the bundle as an MLflow model: a data frame of the inputs in, a data frame of the outputs out."""
    import mlflow
    import pandas as pd
    from mlflow.pyfunc import PythonModel  # type: ignore[attr-defined]

    class LoanModel(PythonModel):
        def load_context(self, context: Any) -> None:
            self.model = Model.open(Path(context.artifacts["bundle"]))

        def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:  # noqa: ARG002
            values = {str(name): model_input[name].tolist() for name in model_input.columns}
            probability, decision = self.model.score(values)
            return pd.DataFrame({"probability": probability, "decision": decision})

    target = given.scratch / "model"
    mlflow.pyfunc.save_model(
        target, python_model=LoanModel(), artifacts={"bundle": str(given.bundle)}, pip_requirements=[]
    )
    return target


def main() -> None:
    """Save the model and become MLflow's server."""
    given = arguments()
    command = ["-m", "mlflow", "models", "serve", "--model-uri", str(save(given)), "--env-manager", "local"]
    command += ["--host", given.host, "--port", str(given.port), "--workers", "1"]
    # MLflow calls uvicorn by its name.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    os.execv(sys.executable, [sys.executable, *command])  # noqa: S606


if __name__ == "__main__":
    main()
