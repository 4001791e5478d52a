"""Our own limits hold in the engine, whatever the source does."""

from dataclasses import replace
from datetime import timedelta

from connector.model import Phase
from connector.sync.context import Context
from connector.sync.first_load import FirstLoads, Terms
from tests.fakes.house import House


def test_first_loads_keep_to_their_pace_and_hours() -> None:
    """``limits.first_load_hours``: a new mailbox is validated by day and read in the evening."""
    evening = FirstLoads(Terms(5.0, open=lambda moment: moment.hour >= 18))

    def paced(context: Context) -> Context:
        return replace(context, first_loads={"memory": evening})

    house = House(guard=paced)
    ada = house.activate()
    house.run()
    assert house.phase(ada) is Phase.LOADING
    assert [operation for operation, _ in house.source.calls] == ["locate", "probe"]
    house.forward(timedelta(hours=8, minutes=50))
    assert house.phase(ada) is Phase.LOADING
    house.forward(timedelta(minutes=20))
    assert house.phase(ada) is Phase.LIVE
