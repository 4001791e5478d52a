"""Puts the key server together from its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from connector.kms import hierarchy, statickey
from connector.kms.audit import Trail
from connector.kms.clerk import Clerk
from connector.kms.commits import Commits
from connector.kms.database import Database
from connector.kms.desk import Desk
from connector.kms.ephemeral import Lines
from connector.kms.hierarchy import Hierarchy
from connector.kms.keks.base import KekProvider
from connector.kms.names import Names
from connector.kms.operations.authorizations import TOKEN, holder
from connector.kms.operations.work import Terms
from connector.kms.rates import Retrievals, Unreadable
from connector.kms.settings import IssuerSettings, Settings
from connector.kms.who.authenticator import Authenticator
from connector.kms.who.bearer import Issuer
from connector.kms.who.enrolled import enrolled
from connector.kms.who.jwks import Jwks, fetcher
from connector.model import Clock


@dataclass(frozen=True, slots=True)
class House:
    """The open database with its keys: what commands and the server work on."""

    settings: Settings
    database: Database
    hierarchy: Hierarchy
    trail: Trail
    clock: Clock

    @property
    def names(self) -> Names:
        """URIs."""
        return Names(self.settings.host)


def open_house(settings: Settings, provider: KekProvider, clock: Clock) -> House:
    """Open the database, or lay it down. Raises StoreError, and UserError for a master secret that does not fit."""
    database = Database(settings.database)
    try:
        with database.writing() as connection:
            found = hierarchy.found(connection, provider, clock())
            trail = Trail(hierarchy.secret(connection, found, hierarchy.AUDIT))
    except BaseException:
        database.close()
        raise
    return House(settings, database, found, trail, clock)


def desk_of(house: House) -> Desk:
    """The server's behaviour. Raises ConfigError for keys, authorities and issuers that can't be used."""
    settings = house.settings
    lines = Lines(settings.limits)
    return _desk(house, lines, Retrievals(settings.alarms), Unreadable(settings.alarms.unreadable))


def renewed(house: House, former: Desk) -> Desk:
    """The behaviour under the house's new settings, for the clients of before: their ephemeral keys stay in force. Raises ConfigError."""
    settings, clerk = house.settings, former.clerk
    made = replace(_desk(house, clerk.lines, clerk.retrievals, clerk.unreadable), commits=former.commits)
    clerk.lines.heed(settings.limits)
    clerk.retrievals.heed(settings.alarms)
    clerk.unreadable.heed(settings.alarms.unreadable)
    return made


def _desk(house: House, lines: Lines, retrievals: Retrievals, unreadable: Unreadable) -> Desk:
    settings = house.settings
    clerk = Clerk(
        hierarchy=house.hierarchy,
        trail=house.trail,
        terms=Terms(house.names, settings.times, settings.limits),
        lines=lines,
        retrievals=retrievals,
        unreadable=unreadable,
        clock=house.clock,
    )
    return Desk(
        commits=Commits(house.database),
        clerk=clerk,
        static=statickey.load(settings),
        signature=settings.static_key.signature,
        authenticator=_authenticator(house),
        clock=house.clock,
    )


def _authenticator(house: House) -> Authenticator:
    settings = house.settings
    issuers: Mapping[str, Issuer] = {one.issuer: _issuer(house, one) for one in settings.issuers.values()}

    def held(token: str) -> str | None:
        if not token.startswith(TOKEN):
            return None
        with house.database.reading() as connection:
            return holder(connection, token)

    return Authenticator(
        issuers, enrolled(settings.connectors), frozenset(settings.admins), held, house.clock
    )


def _issuer(house: House, settings: IssuerSettings) -> Issuer:
    jwks = Jwks(fetcher(settings), house.settings.times.jwks, house.clock)
    return Issuer(settings, settings.audience or house.names.cluster, jwks)
