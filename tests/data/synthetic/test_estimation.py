import subprocess
import sys

import numpy as np
import pytest

from components.data.synthetic.estimation import Released, estimate


def test_two_tables_that_share_a_column_are_fitted_as_independent_given_it():
    # The textbook case: of all joint tables with these two margins the one of maximum entropy is p(a,b) p(b,c) / p(b).
    rng = np.random.default_rng(0)
    first, second = rng.uniform(1, 9, (2, 3)), rng.uniform(1, 9, (3, 2))
    second *= (first.sum(axis=0) / second.sum(axis=1))[:, None]
    total = float(first.sum())
    fitted = estimate(
        {"a": 2, "b": 3, "c": 2},
        [Released(("a", "b"), first.ravel(), 0.01), Released(("b", "c"), second.ravel(), 0.01)],
        total,
    )
    joint = np.exp(fitted["a", "b"][:, :, None] + fitted["b", "c"][None])
    joint *= total / joint.sum()
    wanted = first[:, :, None] * second[None] / first.sum(axis=0)[None, :, None]
    assert joint == pytest.approx(wanted, rel=0.01)


def test_nothing_is_left_behind_in_the_process_and_nobody_is_warned():
    program = (
        "import warnings; warnings.simplefilter('error')\n"
        "import os; before = dict(os.environ)\n"
        "import numpy as np\n"
        "from components.data.synthetic.estimation import Released, estimate\n"
        "estimate({'a': 2}, [Released(('a',), np.array([1.0, 2.0]), 1.0)], 3.0)\n"
        "import jax\n"
        "assert not jax.config.jax_enable_x64\n"
        "assert jax.numpy.zeros(1).dtype == 'float32'\n"
        "assert dict(os.environ) == before\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
