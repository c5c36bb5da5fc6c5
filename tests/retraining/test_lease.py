from components.retraining.lease import holder_of, lease


def test_one_at_a_time_has_it_and_the_others_do_not_wait(tmp_path):
    path = tmp_path / "locks" / "retraining-x"
    assert holder_of(path) == ""
    with lease(path, "here/1") as mine:
        assert mine
        assert holder_of(path) == "here/1"
        with lease(path, "here/2") as theirs:
            assert not theirs
        assert holder_of(path) == "here/1"
        with lease(tmp_path / "locks" / "retraining-y", "here/2") as other:
            assert other
    assert holder_of(path) == ""
    with lease(path, "here/2") as mine:
        assert mine
