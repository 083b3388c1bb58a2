"""Put splits in force through the API server: one class for every dialect.

The rule to keep: a split is written on just the version of the object that it was decided on. Where somebody else
wrote meanwhile but left the split alone, it is written on theirs; where they changed the split, the tick is taken
again and decides again.
"""

import secrets
import string
from dataclasses import replace
from datetime import timedelta

from workflows.cluster.kinds import Manifest
from workflows.cluster.ownership import Claim, read_claim
from workflows.cluster.pen import Pen
from workflows.cluster.targets import Target, read_target
from workflows.errors import ConfigurationError, ConflictError, TemporaryError, UnavailableError
from workflows.ports import Clock
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.traffic import Route
from workflows.routers.kubernetes import manifests
from workflows.routers.kubernetes.dialect import Ability, Dialect, Draft
from workflows.routers.kubernetes.site import Site

PATIENCE = timedelta(seconds=10)
"""How long a gateway may take to put a split in force."""

_POLL = timedelta(milliseconds=200)
_ATTEMPTS = 5
_TOKEN_LENGTH = 10


class KubernetesRouter:
    """Split user traffic by the objects of one provider."""

    def __init__(self, pen: Pen, plan: RolloutPlan, dialect: Dialect, clock: Clock) -> None:
        self._pen = pen
        self._split_pen = pen if dialect.namespaced else replace(pen, namespace="")
        self._site = Site(plan)
        self._dialect = dialect
        self._clock = clock
        self._name = dialect.name(self._site)
        self._seen: Manifest | None = None
        self._looked = False

    def read(self) -> Route:
        """Give the split that is in force, all to the primary where nothing splits yet."""
        self._seen, self._looked = self._get(), True
        return self._split(self._seen)

    def shift(self, route: Route) -> None:
        """Put a split in force and return once it is; what is missing is made first, services before traffic."""
        self._refuse_beyond(route)
        if not self._looked:
            self.read()
        going_home = route.canary_percent == 0 and self._seen is not None and manifests.is_taken(self._seen)
        draft = self._draft(route, going_home=going_home)
        try:
            for companion in self._dialect.companions(draft):
                self._pen.put(companion.kind, companion.name, companion.build)
        except (ConfigurationError, TemporaryError):
            # Traffic goes home whatever else cannot be done: where it goes has stood since the split was made.
            if going_home:
                self._write(draft)
            raise
        self._await(self._write(draft))

    def _get(self) -> Manifest | None:
        found = self._split_pen.cluster.get(self._dialect.kind, self._split_pen.namespace, self._name)
        try:
            self._split(found)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if self._dialect.is_target:
                where = f"{self._dialect.kind.kind} {self._name} in {self._site.namespace}"
                raise ConfigurationError(f"{where}: its split cannot be read ({error}); mend its spec") from error
            # What cannot be read splits nothing, and must not keep traffic from going home.
            return {**(found or {}), "spec": {}}
        return found

    def _split(self, manifest: Manifest | None) -> Route:
        return self._dialect.read(self._site, manifest) if manifest else Route()

    def _refuse_beyond(self, route: Route) -> None:
        asked = {Ability.MATCH: route.matched, Ability.MIRROR: route.mirrored, Ability.STICKY: route.sticky}
        for ability, wanted in asked.items():
            if wanted and ability not in self._dialect.abilities:
                raise ConfigurationError(
                    f"{self._site.plan.key}: {route}: {ability.value} is beyond {self._dialect.kind}; "
                    "use provider istio or gatewayapi:v1"
                )

    def _draft(self, route: Route, *, going_home: bool) -> Draft:
        return Draft(
            self._site,
            route,
            read_claim(self._pen.cluster, self._site.plan),
            source=self._source(going_home=going_home),
            target=self._target(going_home=going_home),
            token=_make_token,
        )

    def _target(self, *, going_home: bool) -> Target | None:
        if self._dialect.is_target:
            return None
        try:
            return read_target(self._pen.cluster, self._site.plan)
        except ConfigurationError:
            # Traffic goes home even when the target was deleted: what the split names has stood since it was made.
            if going_home:
                return None
            raise

    def _source(self, *, going_home: bool) -> Manifest | None:
        source, references = self._dialect.source, self._site.plan.references
        if source is None or source.field not in references:
            return None
        reference = references[source.field]
        found = self._pen.cluster.get(source.kind, reference.namespace or self._site.namespace, reference.name)
        if found is None and not going_home:
            raise ConfigurationError(
                f"{self._site.plan.key}: {source.kind.kind} {reference.name} in {self._site.namespace}: not found; "
                f"apply it first, or correct spec.{source.field}"
            )
        return found

    def _write(self, draft: Draft) -> Manifest:
        kind, base = self._dialect.kind, self._seen
        found = base or self._create(draft)
        for _ in range(_ATTEMPTS):
            try:
                self._seen = self._split_pen.replace(kind, found, self._build(draft, found))
            except ConflictError:
                found = self._look_again(found)
            else:
                return self._seen
        raise ConflictError(f"{kind.kind} {self._name} in {self._site.namespace}: others write it faster than we can")

    def _create(self, draft: Draft) -> Manifest:
        wanted = self._build(draft, None)
        found = self._split_pen.put(self._dialect.kind, self._name, lambda there: there or wanted)
        if self._split(found) not in {Route(), draft.route}:
            raise self._contested(found, Route())
        return found

    def _look_again(self, found: Manifest) -> Manifest:
        current = self._get()
        if current is None or self._split(current) != self._split(found):
            raise self._contested(current, self._split(found))
        return current

    def _contested(self, current: Manifest | None, decided_on: Route) -> ConflictError:
        self._seen, self._looked = current, True
        return ConflictError(
            f"{self._dialect.kind.kind} {self._name} in {self._site.namespace}: somebody set canary weight "
            f"{self._split(current)} where {decided_on} was read; decide again"
        )

    def _build(self, draft: Draft, found: Manifest | None) -> Manifest:
        said = self._dialect.write(replace(draft, found=found))
        # What belongs to no namespace cannot go with what belongs to one.
        claim = draft.claim if self._dialect.namespaced else Claim(draft.claim.canary)
        return manifests.assemble(self._name, found, said, claim)

    def _await(self, written: Manifest) -> None:
        deadline = self._clock.now() + PATIENCE
        while reason := self._dialect.pending(written):
            if self._clock.now() > deadline:
                raise UnavailableError(f"{self._dialect.kind.kind} {self._name} in {self._site.namespace}: {reason}")
            self._clock.sleep(_POLL)
            written = self._get() or written


def _make_token() -> str:
    return "".join(secrets.choice(string.ascii_letters) for _ in range(_TOKEN_LENGTH))
