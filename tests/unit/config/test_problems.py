"""What an administrator reads about a configuration that does not hold."""

from __future__ import annotations

import pytest

from tests.unit.config.texts import LEAST, loaded, problems

ACCOUNTS = "{a: {user: svc}}"


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("version: 1\n", "", 1, "version: this key is missing; add it: version of this format: 1"),
        ("version: 1", "version: 2", 1, "write version: 1"),
        ("version: 1", "version: '1'", 1, "write a whole number without quotes"),
        ("version: 1", "version: true", 1, "true does not fit"),
        ("cal-01.example.com", "Cal 01", 2, 'instance: "Cal 01" does not fit; write a host name'),
        ("cal-01.example.com", "1", 2, "put quotes around what looks like a number"),
        (
            "https:",
            "http:",
            3,
            "hub.url: http:// would send this in the clear and is refused; write https://",
        ),
        ("https://hub.example.net", "http://localhost:8080", 3, "write https://"),
        ("https://hub.example.net", "https://u:hunter2@hub.example.net", 3, "calendar-connector secret set"),
        ("https://hub.example.net", "hub.example.net", 3, "write https://"),
        ("https://hub.example.net", "https://hub.example.net:0", 3, "write https://"),
        ("https://hub.example.net", "'https://[::1'", 3, "write https://"),
        ("url:", "urll:", 3, "hub.urll: unknown key; write url instead"),
        (
            "{url: https://hub.example.net}",
            "https://hub.example.net",
            3,
            "write a map with keys such as {url: ...",
        ),
        ("example.net}", "example.net, downlink: websockets}", 3, "(perhaps websocket)"),
        ("example.net}", "example.net, ca: ca.pem}", 3, "write system or a path that begins with /"),
        ("example.net}", "example.net, ca: /nowhere/ca.pem}", 3, "there is no file /nowhere/ca.pem"),
        ("example.net}", "example.net, ca: /}", 3, "/ is no file; name a file"),
        ("example.net}", "example.net, client_key: /k}", 3, "belong together"),
        ("example.net}", "example.net, outbox: {events: 1}}", 3, "write a whole number from 100 to 10000000"),
        (
            "example.net}",
            "example.net, proxy: dmz}",
            3,
            "there is no section proxies; add it with an entry dmz",
        ),
        ("sources:", "source:", 4, "source: unknown key; write sources instead"),
        ("    type: exchange\n", "", 5, "sources.hq: the key type is missing"),
        ("type: exchange", "type: exchnge", 5, "(perhaps exchange)"),
        ("  hq:", "  h/q:", 5, "a name consists of letters"),
        ("[example.com]", "example.com", 7, "write a list: [example.com]"),
        ("[example.com]", "[]", 7, "it is empty; write at least one entry"),
        ("[example.com]", "[example]", 7, "sources.hq.domains[1]: "),
        ("[example.com]", "[example.com, EXAMPLE.com]", 7, "example.com stands here twice; keep one"),
        (ACCOUNTS, "{}", 8, "it is empty; write at least one entry"),
        (ACCOUNTS, "[a]", 8, "write a map by name"),
        (ACCOUNTS, "{a: svc}", 8, "write a map with keys such as {user: ..., from: ...}"),
        (ACCOUNTS, "{a: {user: 5}}", 8, "write text"),
        (ACCOUNTS, "{a: {user: svc, from: 2027-02-30}}", 8, "write a day such as 2027-03-01"),
        (
            ACCOUNTS,
            "{a: {user: x, from: 2027-03-01}, b: {user: y, from: 2027-03-01}}",
            8,
            "put the accounts in order",
        ),
        (ACCOUNTS, f"{ACCOUNTS}\n    stream: of", 9, "(perhaps off)"),
        (
            ACCOUNTS,
            f"{ACCOUNTS}\n    stream: false",
            9,
            "false does not fit; write grouped, per-mailbox or off",
        ),
        (ACCOUNTS, f"{ACCOUNTS}\n    resolve: {{mail.x: 10.0.0.1}}", 9, "write an address and a port"),
        (
            ACCOUNTS,
            f"{ACCOUNTS}\n    resolve: {{mail.x: '10.0.0.1:0'}}",
            9,
            "the port is missing or not from 1",
        ),
        (ACCOUNTS, f"{ACCOUNTS}\n    timing: {{debounce: 2}}", 9, "write a duration such as 30s"),
        (ACCOUNTS, f"{ACCOUNTS}\n    timing: {{stream_timeout: 90s}}", 9, "whole minutes"),
        (ACCOUNTS, f"{ACCOUNTS}\n    limits: {{requests: 20}}", 9, "write a rate such as 20/s"),
        (ACCOUNTS, f"{ACCOUNTS}\n    limits: {{first_load: 30/s}}", 9, "above requests (20/s)"),
        (ACCOUNTS, f"{ACCOUNTS}\n    limits: {{answer: 32}}", 9, "write a size such as 500KB"),
        (ACCOUNTS, f"{ACCOUNTS}\n    url: http://mail.example.com/EWS/Exchange.asmx", 9, "write https://"),
        (
            ACCOUNTS,
            f"{ACCOUNTS}\n    url: https://m/e\n    autodiscover: {{trust: [m]}}",
            5,
            "exclude each other",
        ),
        (ACCOUNTS, f"{ACCOUNTS}\n    ca: /etc/passwd", 9, "holds no certificate in PEM form"),
        (
            ACCOUNTS,
            f"{ACCOUNTS}\nproxies: {{dmz: {{url: 'http://p:1', auth: negotiate}}}}",
            9,
            "write basic and type its user:password (secret set proxy/dmz), or none",
        ),
        (
            ACCOUNTS,
            f"{ACCOUNTS}\n    proxy: dmz\nproxies: {{dmz: {{url: 'https://p:1'}}}}",
            9,
            "name a proxy with an http:// address",
        ),
    ],
)
def test_a_slip_is_answered_at_its_line(old: str, new: str, line: int, words: str) -> None:
    """A wrong value is named with its line and what to write instead, and never costs a second sentence."""
    found = problems(instead=(old, new))
    assert any(problem.startswith(f"{line}: ") and words in problem for problem in found), found
    assert "hunter2" not in str(found)
    assert len(found) == 1


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("mode: activ", "(perhaps active)"),
        ("mode: yes", '"yes" does not fit; write observe or active'),
        ("workers: sixteen", "write a whole number"),
        ("workers: 0", "from 1 to 256"),
        ("workers: true", "write a whole number"),
        ("window: 7d", "write a map with keys such as {back: ..., ahead: ...}"),
        ("window: {back: 61d}", "write a duration from 0s to 60d"),
        ("state: lib", "write a path that begins with /"),
        ("keys: {service: kms}", "kms://kms.example.com"),
        ("keys: {rotate: 30}", "write a duration"),
        ("writes: {brake: 5%}", "5%/10m"),
        ("writes: {brake_per_mailbox: 20}", "write a rate"),
        ("log: {level: INFO}", "(perhaps info)"),
        ("proxies: {dmz: {url: 'http://p/x'}}", "nothing may follow the host and port"),
        ("proxies: {dmz: {url: 'socks5://p'}}", "write http://proxy.example.com:8080"),
        ("directories: {ad: {servers: ['ldap://gc'], base: DC=x}}", "write ldaps://"),
        ("roster: {max_change: 2}", "write a percentage such as 2%"),
        ("roster: {exclude: ceo@example.com}", "write a list: [ceo@example.com]"),
        ("roster: {exclude: [ceo]}", "write a mail address"),
        ("roster: {from: {x: {policy: default}}}", "write either csv, or directory and group"),
        ("roster: {from: {x: {csv: /etc/passwd, group: CN=x, policy: default}}}", "belong together"),
        (
            "roster: {from: {x: {csv: /etc/passwd, policy: defalt}}}",
            "defalt is not in policies; write default",
        ),
        ("roster: {from: {manual: {csv: /etc/passwd, policy: default}}}", "rename it"),
        (
            "roster: {from: {x: {directory: ad, group: CN=x, policy: default}}}",
            "there is no section directories",
        ),
        ("policies: {staff: {send: [subjct]}}", "(perhaps subject)"),
        ("policies: {staff: {presence: false}}", "write off, state or text"),
        ("invitation: {language: Swedish}", "write a language tag"),
        ("invitation: {templates: /nowhere}", "there is no directory /nowhere"),
        ("invitation: {existing_link: leave}", "write keep or replace"),
        ("invitation: {parts: {phone: on}}", "write true or false"),
        ("invitation: {header: Welcome}", "unknown key"),
        ("dialling: {zoom: maybe}", "write true or false"),
        ("dialling: {servers: {join.example.com: 'a b'}}", "write a host name"),
        ("buffers: {start: 5}", "write a duration such as 30s"),
        ("buffers: {start: 2h}", "write a duration from 0s to 1h"),
        ("presence: {out_of_office_items: yes}", "write true or false"),
        ("keywords: {meet: jitsi}", "a keyword begins with @"),
        ("keywords: {'@meet': jitsi}", "keywords.@meet: there is no section conference"),
        ("keywords: {'@meet': a, '@Meet': a}\nconference: {a: {type: hub}}", "it is the same as @meet"),
        (
            "keywords: {'@meet': jitzi}\nconference: {jitsi: {type: hub}}",
            "jitzi is not in conference; write jitsi",
        ),
        ("conference: {x: {type: zoom}}", "write one of template, jitsi, webex, google_meet, hub"),
        (
            "conference: {x: {type: template, link: 'https://x', directory: ad}}",
            "conference.x.directory: there is no section directories",
        ),
        ("conference: {x: {type: template, link: 'http://x'}}", "a link begins with https://"),
        (
            "conference: {x: {type: template, link: 'https://x/{{ employeeID }}'}}",
            "conference.x.link: employeeID is not defined here; write one of directory, organizer",
        ),
        (
            "conference: {x: {type: template, link: 'https://x/{{ organizer.adress }}'}}",
            "organizer.adress is not defined; write organizer.address",
        ),
        ("conference: {x: {type: template, link: 'https://x/{{ a'}}", "this is no template"),
        (
            "conference: {x: {type: template, link: 'https://x/{{ organizer.user | lowr }}'}}",
            "No filter named 'lowr'",
        ),
        (
            "conference: {x: {type: template, link: 'https://x/{% include organizer %}'}}",
            "names other files",
        ),
        (
            "conference: {x: {type: template, link: 'https://x/{{ directory.id }}'}}",
            "add the key directory or csv",
        ),
        (
            "conference: {x: {type: template, link: 'https://x', csv: /etc/passwd, directory: ad}}",
            "directory and csv exclude each other",
        ),
        (
            "conference: {x: {type: template, link: 'https://x', phones: {Oslo: '{{ a }}'}}}",
            "a is not defined",
        ),
        (
            "conference: {x: {type: jitsi, url: 'https://m', token: {}}}",
            "conference.x.token.app: this key is",
        ),
        ("conference: {x: {type: jitsi, url: 'https://m', token: {app: a, lasts: 0s}}}", "from 1m to 366d"),
        (
            "conference: {x: {type: jitsi, url: 'https://m', token: {app: a, algorithm: ES256}}}",
            "write HS256",
        ),
        ("conference: {x: {type: webex, make: room}}", "write personal-room or one-time"),
        ("conference: {x: {type: webex, title: '{{ location }}'}}", "location is not defined here"),
        ("conference: {x: {type: webex, proxy: dmz}}", "there is no section proxies"),
        ("conference: {x: {type: webex, ca: /nowhere.pem}}", "there is no file /nowhere.pem"),
        ("conference: {x: {type: webex, client_secret: hunter2}}", "secret set webex/ACCOUNT/client"),
        ("join_rules: {x: {hosts: [a.b], pattern: '('}}", "this is no regular expression"),
        ("join_rules: {x: {hosts: [a.b], pattern: a, dial: '{id}@x'}}", "dial uses {id}"),
        ("metrics: {listen: '0.0.0.0:9464'}", "can be reached from outside"),
        ("metrics: {listen: 9464}", "write text"),
        ("alarms: {canary: canary@elsewhere.example}", "its domain belongs to no source"),
        ("alarms: {webhook: 'http://itsm.example.com'}", "write https://"),
        ("<<: {mode: active}", "unknown key"),
        ("MODE: active", "unknown key; write mode instead"),
    ],
)
def test_a_slip_in_a_further_section_is_answered(more: str, words: str) -> None:
    """Each section refuses what does not fit by saying what does."""
    found = problems(more)
    assert len(found) == 1
    assert found[0].startswith("9: ")
    assert words in found[0]


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("{user: svc}", "{user: svc, password: hunter2}", "exchange/hq/a"),
        ("example.net}", "example.net, token: hunter2}", "hub"),
        ("version: 1", "proxies: {dmz: {url: 'http://p', passwd: hunter2}}\nversion: 1", "proxy/dmz"),
        (
            "version: 1",
            "directories: {ad: {servers: ['ldaps://g'], base: x, Pass: hunter2}}\nversion: 1",
            "directory/ad",
        ),
    ],
)
def test_a_password_is_sent_to_the_keystore_unread(old: str, new: str, name: str) -> None:
    """A password in the file is refused with the command to use, and not repeated."""
    found = problems(instead=(old, new))
    assert len(found) == 1
    assert f"run: calendar-connector secret set {name}" in found[0]
    assert "hunter2" not in found[0]


@pytest.mark.parametrize("more", ["keystore: {master_key: hunter2}", "alarms: {webhook: 'http://x/hunter2'}"])
def test_what_may_be_secret_is_not_repeated(more: str) -> None:
    """A master key or a webhook's address written in the wrong place does not turn up in the answer."""
    assert problems(more)
    assert "hunter2" not in str(problems(more))


def test_every_problem_is_told_at_once() -> None:
    """Problems of form do not hide problems of fit elsewhere, and stand in the order of the file."""
    more = """\
    limits: {requests: 20}
  b: {type: exchange, domains: [example.com], accounts: {a: {user: svc}}, ca: /nowhere}
  c: {type: exchange, domains: [c.example], accounts: {a: {user: svc}}, proxy: dmz}
mode: of
proxies: {dmz: {}}
policies: {staff: {write: nobody}}
roster: {from: {x: {csv: /etc/passwd, policy: stuff}, y: {csv: /etc/passwd, policy: stuff}}}
"""
    found = problems(more)
    assert [line.partition(":")[0] for line in found] == ["9", "10", "10", "12", "13", "14", "15", "15"]
    assert "there is no file /nowhere;" in found[2]
    assert all("stuff is not in policies; write staff" in one for one in found[6:])


def test_a_domain_has_one_source() -> None:
    """The same domain in two sources is refused at the second."""
    found = problems("  b: {type: exchange, domains: [x.example, Example.com], accounts: {a: {user: svc}}}\n")
    assert found == [
        (
            "9: sources.b.domains[2]: example.com belongs to source hq already; "
            "a domain has one source, so remove it from one of them, "
            "or list who lives in the other: roster.from.NAME with source: b"
        )
    ]


def test_a_domain_may_be_shared_where_a_list_tells() -> None:
    """Whoever the list does not name belongs to the first source; a list that names no source of ours is refused."""
    more = (
        "  b: {type: exchange, domains: [Example.com], accounts: {a: {user: svc}}}\npolicies: {staff: {}}\n"
    )
    roster = "roster: {from: {moved: {csv: /etc/hosts, policy: staff, source: %s}}}\n"
    assert problems(more + roster % "b") == []
    assert "c is not in sources" in problems(more + roster % "c")[-1]


def test_a_broken_file_is_not_told_what_it_lacks() -> None:
    """When YAML itself is broken, keys are not called missing that may stand behind the break."""
    assert problems(instead=("[example.com]", "[example.com")) == [
        "7: the list is not closed or lacks a comma: write [one, two]"
    ]


def test_an_endless_list_of_problems_is_cut() -> None:
    """Of many problems the first 200 are told, and how many there are."""
    found = problems("".join(f"k{n}: 1\n" for n in range(1000)))
    assert len(found) == 201
    assert found[-1] == "0: and 800 further problems; mend these first"


def test_an_empty_file_is_told_what_it_needs() -> None:
    """An empty configuration names the four keys that nothing works without."""
    found = problems(instead=(LEAST, ""))
    assert [line.split(":")[1].strip() for line in found] == ["version", "instance", "hub", "sources"]


def test_a_key_with_nothing_behind_it_counts_as_not_written() -> None:
    """Sections whose lines are all commented out fall back to their defaults; a misspelt one is still refused."""
    assert loaded("roster:\nproxies:\nlog:\n").config == loaded().config
    assert problems("rooster:\n") == ["9: rooster: unknown key; write roster instead"]
