"""What the dashboards ask Prometheus, in words that several panels share.

Every query is made of metrics of the exporter alone: no recording rule is needed. Binary operators cost far more than
aggregations where thousands of targets are asked for, so these are kept to what is few.
"""

from dataclasses import dataclass

#: The labels by which one way of looking at a target is told from the others. Prometheus takes absent ones as empty.
IDENTITY = "job, instance, target, module, address, key_type"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which series a query is about. `filtered`: and what somebody types, matchers of labels of their own."""

    matchers: str
    filtered: bool = True


_JOBS = 'job=~"$job", instance=~"$instance"'
#: `search` is what somebody types, part of the name of a target.
FLEET = Scope(f'{_JOBS}, target=~".*$search.*"')
#: The worst of the fleet: hidden variables hold their names, so that the other columns are asked for these alone.
WORST = Scope(f'{_JOBS}, target=~"$worst"')
WORST_FEW = Scope(f'{_JOBS}, target=~"$worst_few"')
#: Those whose evidence is the oldest of each host, in a hidden variable too.
OLDEST = Scope(f'{_JOBS}, target=~"$oldest"')
ONE = Scope(f'{_JOBS}, target="$target", module=~"$module"')
#: The exporter itself, beside targets, whose labels it has not; and by itself.
BESIDE = Scope(_JOBS, filtered=False)
OWN = Scope(_JOBS)

#: How much of its lifetime evidence may have behind it before a newer one is overdue: servers renew their staples at
#: half of it, CAs their CRLs and answers often only shortly before the end.
STAPLE_OVERDUE, AUTHORITY_OVERDUE = 0.75, 0.95

_UNKNOWN = 'status="unknown"'
_OF_SERVERS, _OF_AUTHORITIES = 'source=~"staple|file"', 'source=~"responder|crl"'

#: The states of a target, the worst first: what `state` gives.
REVOKED, VIOLATED, NOT_LOOKED_AT, AT_RISK, GOOD, NOTHING_KNOWN = 5, 4, 3, 2, 1, 0
#: The statuses of a source as numbers, the worse the greater: what `status_code` gives.
STATUS_CODES = {"good": 1, "missing": 2, "server_failed": 3, "unknown": 4, "invalid": 5, "revoked": 6}


def series(name: str, scope: Scope, *matchers: str) -> str:
    """Select a metric within a scope, and by more matchers; an empty last one is allowed."""
    typed = ("${matchers:raw}",) if scope.filtered else ()
    return f"{name}{{{', '.join((scope.matchers, *matchers, *typed))}}}"


def any_of(*queries: str) -> str:
    """Join queries by `or`: of those with the same labels the first counts."""
    return "\nor ".join(queries)


def or_zero(query: str, scope: Scope) -> str:
    """Count what a query gives: 0 where it gives nothing, and no data where there is no target at all."""
    return f"count({query})\nor 0 * count({series('ocsp_probe_success', scope)})"


def elapsed(scope: Scope, *matchers: str) -> str:
    """How much of the lifetime of each piece of authentic evidence is over: 0 at this_update, 1 at next_update."""
    left = series("ocsp_next_update_remaining_seconds", scope, *matchers)
    begun = series("ocsp_this_update_timestamp_seconds", scope, *matchers)
    ends = series("ocsp_next_update_timestamp_seconds", scope, *matchers)
    return f"1 - {left} / ({ends} - {begun})"


def remaining(scope: Scope) -> str:
    """Seconds to the next_update of the staple, and where there is none that of the source which ends first."""
    name = "ocsp_next_update_remaining_seconds"
    staple, any_source = series(name, scope, 'source="staple"'), series(name, scope)
    return any_of(f"min by ({IDENTITY}) ({staple})", f"min by ({IDENTITY}) ({any_source})")


def revoked(scope: Scope) -> str:
    """Give the targets of which a source says authentically that they are revoked."""
    return f"max by ({IDENTITY}) ({series('ocsp_revoked', scope)}) == 1"


def violated(scope: Scope) -> str:
    """Give the targets that do not keep what their staple policy demands."""
    return f"min by ({IDENTITY}) ({series('ocsp_must_staple_compliant', scope)}) == 0"


def not_looked_at(scope: Scope) -> str:
    """Give the targets that could not be looked at."""
    return f"max by ({IDENTITY}) ({series('ocsp_probe_success', scope)}) == 0"


def doubts(scope: Scope) -> str:
    """Give every problem, and every source that does not know the certificate.

    What the operator forbids the exporter to fetch says nothing of a target.
    """
    problems = series("ocsp_problem", scope, 'problem!~"blocked_by_egress_policy|unsupported_scheme"')
    return any_of(problems, f"({series('ocsp_status', scope, _UNKNOWN)} == 1)")


def at_risk(scope: Scope) -> str:
    """Give the targets of which a source is in trouble, or will soon be."""
    troubles = any_of(
        f"({elapsed(scope, _OF_SERVERS)} > {STAPLE_OVERDUE})",
        f"({elapsed(scope, _OF_AUTHORITIES)} > {AUTHORITY_OVERDUE})",
        doubts(scope),
        f"({series('ocsp_sources_agree', scope)} == 0)",
        f"({series('ocsp_responder_up', scope)} == 0)",
        f"({series('ocsp_staple_file_matches', scope)} == 0)",
    )
    return f"max by ({IDENTITY}) (\n{troubles}\n)"


def good(scope: Scope) -> str:
    """Give the targets for which a source has a verified good."""
    status = series("ocsp_status", scope, 'status="good"')
    return f"max by ({IDENTITY}) ({status}) == 1"


def looked_at(scope: Scope) -> str:
    """Give the targets that could be looked at."""
    return f"max by ({IDENTITY}) ({series('ocsp_probe_success', scope)}) == 1"


def unless(query: str, *worse: str) -> str:
    """Leave out what is in a worse state already."""
    return "\nunless ".join(f"({each})" for each in (query, *worse))


def state(scope: Scope) -> str:
    """Give each target the number of its state, the worst that holds.

    The good ones get a little less than 1, the less the longer they have left: so those that end first come first.
    """
    left = f"min by ({IDENTITY}) ({series('ocsp_next_update_remaining_seconds', scope)})"
    return any_of(
        f"({revoked(scope)}) * 0 + {REVOKED}",
        f"({violated(scope)}) * 0 + {VIOLATED}",
        f"({not_looked_at(scope)}) * 0 + {NOT_LOOKED_AT}",
        f"{at_risk(scope)} * 0 + {AT_RISK}",
        f"({good(scope)}) - on ({IDENTITY}) clamp({left}, 0, 1e8) / 1e9",
        f"({good(scope)})",
        f"({looked_at(scope)}) * 0",
    )


def status_code(scope: Scope, by: str, *matchers: str) -> str:
    """Give the number of the status that each source has. Only for few targets: it costs six operators."""

    def coded(status: str) -> str:
        selected = series("ocsp_status", scope, *matchers, f'status="{status}"')
        return f"{selected} * {STATUS_CODES[status]}"

    return f"max by ({by}) (\n{any_of(*map(coded, STATUS_CODES))}\n)"


def status_word(scope: Scope, source: str) -> str:
    """Give the status that a source has of the leaf, as a label that is called like the source."""
    status = series("ocsp_status", scope, f'source="{source}"', 'depth="0"')
    return f'max by ({IDENTITY}, {source}) (label_replace({status} == 1, "{source}", "$1", "status", "(.*)"))'
