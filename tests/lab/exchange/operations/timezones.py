"""GetServerTimeZones."""

from lxml import etree

from tests.lab.exchange.call import Call
from tests.lab.exchange.definitions import write_zone
from tests.lab.exchange.elements import NAMES, m
from tests.lab.exchange.operations.batch import answer_each
from tests.lab.exchange.zones import ZONES


def get_server_time_zones(call: Call) -> etree._Element:
    """Answers GetServerTimeZones; unknown ids are left out."""
    asked = [one.text or "" for one in call.request.iterfind("m:Ids/t:Id", NAMES)]
    full = call.request.get("ReturnFullTimeZoneData", "true") in {"true", "1"}

    def fill(made: etree._Element, ids: list[str]) -> None:
        definitions = m(made, "TimeZoneDefinitions")
        for id_ in ids:
            if id_ in ZONES:
                write_zone(definitions, "TimeZoneDefinition", ZONES[id_], full=full)

    return answer_each(call, [asked or list(ZONES)], fill)
