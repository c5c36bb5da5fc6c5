import numpy as np
import onnx
import pytest

from components.core.errors import IntegrityError
from components.training.scorer import Scorer


def _save(path, element, shape):
    """Write a model that gives back what it takes."""
    tensors = [onnx.helper.make_tensor_value_info(name, element, shape) for name in ("x", "y")]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["x"], ["y"])], "g", tensors[:1], tensors[1:])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8), path)


def test_the_last_column_of_the_probabilities_is_the_score(tmp_path):
    _save(tmp_path / "m.onnx", onnx.TensorProto.FLOAT, [None, 2])
    scorer = Scorer(tmp_path / "m.onnx")
    assert scorer.width == 2
    assert scorer.score(np.array([[0.75, 0.25], [0.5, 0.5]], dtype=np.float32)).tolist() == [0.25, 0.5]


def test_a_model_that_takes_something_else_is_refused(tmp_path):
    _save(tmp_path / "m.onnx", onnx.TensorProto.INT64, [None, 2])
    with pytest.raises(IntegrityError, match=r"takes x tensor\(int64\).*expected one tensor\(float\)"):
        Scorer(tmp_path / "m.onnx")


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"hello")
    with pytest.raises(IntegrityError, match=r"m\.onnx cannot be loaded as an ONNX model"):
        Scorer(tmp_path / "m.onnx")
