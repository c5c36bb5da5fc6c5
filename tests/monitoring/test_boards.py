from components.monitoring.boards import BOARDS


def test_no_panel_is_empty_or_there_twice():
    for board in BOARDS.values():
        panels = [panel for row in board.rows.values() for panel in row]
        assert all(panel.asks for panel in panels)
        assert len({panel.title for panel in panels}) == len(panels)
        assert all(len(row) <= 4 for row in board.rows.values()), "wide enough to be read"


def test_limits_are_in_order_and_models_can_be_picked_everywhere_but_for_the_notifiers():
    for board in BOARDS.values():
        for panel in (panel for row in board.rows.values() for panel in row):
            assert panel.limits is None or panel.limits[0] < panel.limits[1]
            picked = all("$model" in ask for ask in panel.asks)
            assert picked or panel.title in ("Waiting to be told", "Firing in Prometheus")
