"""Every operation of the protocol's table, with its rule of access and the refusal of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connector.kms.operations.table import OPERATIONS
from connector.seal.kmswire.messages import Answer, Credential
from connector.seal.kmswire.objects import read_authorization, read_key
from tests.unit.kms.site import CLUSTER, Client, Site

ANN, BOB, EVE = "ann@example.com", "bob@example.com", "eve@example.com"


def resource(client: Client, *readers: str, **members: Any) -> str:
    """A new resource's URI."""
    answer = client.ask("create", "/resources", authIds=list(readers), **members)
    assert answer.status == 201, answer
    return str(answer.members["resource"]["uri"])


def statuses(*answers: Answer) -> list[int]:
    """Of several answers."""
    return [one.status for one in answers]


def test_relative_and_absolute_uris_are_the_same(site: Site) -> None:
    """Clients send /keys and kms://host/keys alike; another host's are not found."""
    client = site.client()
    answers = [client.ask("create", uri, count=1) for uri in ("/keys", f"{CLUSTER}/keys", "kms://other/keys")]
    assert statuses(*answers) == [201, 201, 404]


@pytest.mark.parametrize("count", [0, -1, 101, True, "x", 1.5, None, [1]])
def test_a_count_out_of_range_makes_no_key(site: Site, count: object) -> None:
    """400 names the range."""
    answer = site.client().ask("create", "/keys", count=count)
    assert (answer.status, "1 to 100" in answer.reason) == (400, True)


def test_an_unbound_key_is_its_makers_alone(site: Site) -> None:
    """Neither another user nor another client of the same user gets it, nor anybody after its time to be bound."""
    mine = site.client(ANN)
    key = mine.new_key()
    others = [site.client(EVE), site.client(ANN, "another client")]
    assert statuses(*(one.ask("retrieve", key.uri) for one in others)) == [403, 403]
    site.clock.forward(site.settings.times.unbound)
    assert mine.ask("retrieve", key.uri).status == 404


def test_a_bound_key_is_for_those_authorized_on_its_resource(site: Site) -> None:
    """Any client of theirs; nobody else, and nobody whose authorization was taken."""
    ann, bob = site.client(ANN), site.client(BOB)
    key = ann.bound_key(BOB)
    assert key.resource_uri
    assert read_key(bob.ask("retrieve", key.uri).members["key"]).secret == key.secret
    assert site.client(EVE).ask("retrieve", key.uri).status == 403
    gone = ann.ask("delete", f"{key.resource_uri}/authorizations?authId=bob%40example.com")
    assert gone.status == 200
    assert gone.members["authorization"]["authId"] == BOB
    assert [one["authId"] for one in gone.members["authorizations"]] == [BOB]
    assert bob.ask("retrieve", key.uri).status == 403


def test_binding_needs_maker_and_authorization_and_happens_once(site: Site) -> None:
    """Somebody else's key: 403. A resource of others: 403. The second time: 409. Bound, it has a date and a longer life."""
    ann, bob = site.client(ANN), site.client(BOB)
    key, mine, theirs = ann.new_key(), resource(ann, BOB), resource(bob)
    assert statuses(
        bob.ask("update", key.uri, resourceUri=mine),
        ann.ask("update", key.uri, resourceUri=theirs),
        ann.ask("update", key.uri, resourceUri=f"{CLUSTER}/resources/none"),
        ann.ask("update", key.uri, resourceUri=f"{CLUSTER}/keys/none"),
        ann.ask("update", key.uri),
    ) == [403, 403, 404, 400, 400]
    bound = read_key(ann.ask("update", key.uri, resourceUri=mine).members["key"])
    assert bound.resource_uri == mine
    assert bound.bound == site.clock()
    assert bound.expires == site.clock() + site.settings.times.bound
    assert ann.ask("update", key.uri, resourceUri=mine).status == 409


def test_a_resource_is_made_whole_or_not_at_all(site: Site) -> None:
    """A key of somebody else, or one that is bound, refuses the request, and no authorization stays behind."""
    ann, bob = site.client(ANN), site.client(BOB)
    theirs, free, taken = bob.new_key(), ann.new_key(), ann.bound_key()
    for keys in ([free.uri, theirs.uri], [free.uri, taken.uri], [free.uri, f"{CLUSTER}/keys/none"]):
        answer = ann.ask("create", "/resources", userIds=[BOB], keyUris=keys)
        assert answer.status in (403, 404, 409)
    with site.house.database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM resources").fetchone()[0] == 1
        assert connection.execute("SELECT count(*) FROM authorizations").fetchone()[0] == 1
    assert ann.ask("update", free.uri, resourceUri=resource(ann)).status == 200


def test_user_ids_and_auth_ids_are_one_list(site: Site) -> None:
    """The old name and the new one; the caller is always on it, each once."""
    ann = site.client(ANN)
    made = ann.ask("create", "/resources", userIds=[BOB, ANN], authIds=[EVE, BOB])
    uri = made.members["resource"]["uri"]
    listed = ann.ask("retrieve", f"{uri}/authorizations").members["authorizations"]
    assert sorted(one["authId"] for one in listed) == [ANN, BOB, EVE]
    assert len(made.members["resource"]["authorizationUris"]) == 3
    assert ann.ask("retrieve", uri).members["resource"]["uri"] == uri


def test_authorizations_are_viral(site: Site) -> None:
    """Whoever is authorized lets others in and takes them out; strangers can't look, add or remove."""
    ann, bob, eve = site.client(ANN), site.client(BOB), site.client(EVE)
    uri = resource(ann, BOB)
    assert (
        statuses(
            eve.ask("retrieve", uri),
            eve.ask("retrieve", f"{uri}/authorizations"),
            eve.ask("create", "/authorizations", resourceUri=uri, authIds=[EVE]),
            eve.ask("delete", f"{uri}/authorizations?authId={ANN}"),
        )
        == [403] * 4
    )
    made = bob.ask("create", "/authorizations", resourceUri=uri, authIds=[EVE])
    authorization = read_authorization(made.members["authorizations"][0])
    assert (authorization.auth_id, authorization.resource_uri) == (EVE, uri)
    assert eve.ask("retrieve", uri).status == 200
    gone = eve.ask("delete", authorization.uri)
    assert (gone.status, gone.members["authorization"]["uri"]) == (200, authorization.uri)
    assert statuses(eve.ask("retrieve", uri), bob.ask("delete", authorization.uri)) == [403, 404]


def test_several_authorizations_go_at_once_or_not(site: Site) -> None:
    """One name that is not there keeps all the others."""
    ann = site.client(ANN)
    uri = resource(ann, BOB, EVE)
    assert ann.ask("delete", "/authorizations", resourceUri=uri, authIds=[BOB, "nobody"]).status == 404
    gone = ann.ask("delete", "/authorizations", resource=uri, authIds=[BOB, EVE])
    assert (gone.status, len(gone.members["authorizations"])) == (200, 2)
    assert statuses(
        ann.ask("delete", "/authorizations", resourceUri=uri),
        ann.ask("create", "/authorizations", resourceUri=uri),
        ann.ask("delete", f"{uri}/authorizations"),
        ann.ask("delete", f"{uri}/authorizations?authId=nobody"),
    ) == [400, 400, 400, 404]
    one = ann.ask("retrieve", f"{uri}/authorizations?authId=nobody")
    assert (one.status, one.members["authorizations"]) == (200, [])


def test_a_resource_can_be_authorized_on_another(site: Site) -> None:
    """Then all who may use the one may use the other, through several even, and a ring ends."""
    ann, bob = site.client(ANN), site.client(BOB)
    inner, middle = resource(ann, BOB), resource(ann)
    key = ann.bound_key(middle)
    assert bob.ask("retrieve", key.uri).status == 403
    assert ann.ask("create", "/authorizations", resourceUri=middle, authIds=[inner]).status == 201
    assert ann.ask("create", "/authorizations", resourceUri=inner, authIds=[key.resource_uri]).status == 201
    assert bob.ask("retrieve", key.uri).status == 200
    assert site.client(EVE).ask("retrieve", key.uri).status == 403
    strange = site.client(EVE).ask("create", "/resources", authIds=[inner])
    assert strange.status == 403


def test_an_anonymous_authorization_opens_by_its_token(site: Site) -> None:
    """Its token, shown once, fetches the resource's keys and does nothing else; without the authorization it is worth nothing."""
    ann = site.client(ANN)
    key = ann.bound_key()
    made = ann.ask("create", "/authorizations", resourceUri=key.resource_uri, anonymous=1)
    shown = read_authorization(made.members["authorizations"][0])

    guest = site.by(lambda _: Credential(bearer=shown.bearer), "guest")
    assert guest.ask("retrieve", key.uri).status == 200
    assert statuses(
        guest.ask("create", "/keys"),
        guest.ask("create", "/authorizations", resourceUri=key.resource_uri, authIds=[EVE]),
    ) == [403, 403]
    listed = ann.ask("retrieve", f"{key.resource_uri}/authorizations").members["authorizations"]
    assert all("bearer" not in one for one in listed)
    assert ann.ask("delete", shown.uri).status == 200
    assert guest.ask("retrieve", key.uri).status == 401


def test_a_resource_ends_with_its_ttl(site: Site) -> None:
    """0 is for ever; out of range is 400 and says the range; when it is over, resource and keys are out of reach."""
    ann = site.client(ANN)
    key = ann.new_key()
    refused = [ann.ask("create", "/resources", ttl=ttl) for ttl in (-1, 2**40, "1", True)]
    assert statuses(*refused) == [400] * 4
    made = ann.ask("create", "/resources", keyUris=[key.uri], ttl=60).members["resource"]
    assert made["expirationDate"]
    site.clock.forward(timedelta(seconds=60))
    assert statuses(ann.ask("retrieve", made["uri"]), ann.ask("retrieve", key.uri)) == [404, 403]


def test_keys_of_a_resource_by_the_time_they_were_bound(site: Site) -> None:
    """At or after boundAfter, before boundBefore, and of those the newest ``count``."""
    ann = site.client(ANN)
    uri = resource(ann)
    bound = []
    for _ in range(3):
        key = ann.new_key()
        ann.ask("update", key.uri, resourceUri=uri)
        bound.append((key.uri, site.clock().isoformat().replace("+00:00", "Z")))
        site.clock.forward(timedelta(minutes=1))

    def listed(query: str = "", **members: object) -> list[str]:
        answer = ann.ask("retrieve", f"{uri}/keys{query}", **members)
        assert answer.status == 200, answer
        return [one["uri"] for one in answer.members["keys"]]

    first, second, third = (uri for uri, _ in bound)
    assert listed() == [third, second, first]
    assert listed(boundAfter=bound[1][1]) == [third, second]
    assert listed(boundBefore=bound[1][1]) == [first]
    assert listed(boundAfter=bound[0][1], count=1) == [third]
    assert listed(f"?boundBefore={bound[2][1]}&count=1") == [second]
    for wrong in ({"boundAfter": "yesterday"}, {"boundBefore": "2026-11-21T09:00:00"}, {"count": 0}):
        assert ann.ask("retrieve", f"{uri}/keys", **wrong).status == 400
    assert site.client(EVE).ask("retrieve", f"{uri}/keys").status == 403


def test_a_deleted_ephemeral_key_opens_nothing(site: Site) -> None:
    """204 and never the key; after it a reset. Somebody else's is 403, an unknown one 404."""
    ann, eve = site.client(ANN), site.client(EVE)
    assert eve.ask("delete", ann.key.uri).status == 403
    assert eve.ask("delete", f"{CLUSTER}/ecdhe/none").status == 404
    assert eve.ask("update", eve.key.uri).status == 400
    gone = ann.ask("delete", ann.key.uri)
    assert (gone.status, gone.members) == (204, {})
    assert ann.ask("update", "/ping").status == 499


def test_only_administrators_touch_the_kek(site: Site) -> None:
    """A new one becomes active, the former stays to open; another organisation is not known here."""
    officer = site.client("officer@example.com")
    assert site.client(ANN).ask("create", "/kek").status == 403
    made = officer.ask("create", "/cmk", assignedOrgId=site.settings.host)
    assert (made.status, made.members["state"], made.members["uri"]) == (200, "active", f"{CLUSTER}/cmk/2")
    states = [one["state"] for one in officer.ask("retrieve", "/kek").members["keys"]]
    assert states == ["active", "inactive"]
    back = officer.ask("update", f"{CLUSTER}/kek/1", state="active")
    assert back.members["state"] == "active"
    assert statuses(
        officer.ask("update", "/kek/1", state="revoked"),
        officer.ask("update", "/kek/9", state="active"),
        officer.ask("retrieve", "/kek", assignedOrgId="others"),
    ) == [400, 404, 404]


@pytest.mark.parametrize(
    ("method", "uri", "status"),
    [
        ("create", "/ping", 400),
        ("delete", "/keys", 400),
        ("retrieve", "/nowhere", 404),
        ("retrieve", "/keys/none", 404),
        ("retrieve", "/resources/none/keys", 404),
        ("update", "keys", 400),
        ("update", "/../keys", 400),
        ("retrieve", "/resources/none/keys?x", 400),
    ],
)
def test_what_there_is_not_is_refused(site: Site, method: str, uri: str, status: int) -> None:
    """Every refusal is an answer with a status, and one row."""
    client = site.client()
    before = len(site.rows())
    assert client.ask(method, uri).status == status
    assert len(site.rows()) == before + 1


def test_the_table_has_every_row_of_the_protocol(site: Site) -> None:
    """Methods and places as the reference lists them (ephemeral keys are the desk's)."""
    assert {f"{method.value} {form}" for method, form in OPERATIONS} == {
        "update /ping",
        "create /keys",
        "retrieve /keys/{id}",
        "update /keys/{id}",
        "create /resources",
        "retrieve /resources/{id}",
        "retrieve /resources/{id}/keys",
        "create /authorizations",
        "retrieve /resources/{id}/authorizations",
        "delete /authorizations/{id}",
        "delete /resources/{id}/authorizations",
        "delete /authorizations",
        *(f"{method} /{name}" for name in ("cmk", "kek") for method in ("create", "retrieve")),
        "update /cmk/{id}",
        "update /kek/{id}",
    }
