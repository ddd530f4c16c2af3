"""What hypothesis draws: bytes, changed responses, and everything that a response is judged by."""

from cryptography import x509
from hypothesis import strategies as st

from ocsp_exporter.revocation.checks import Policy
from tests.fuzz.mutating import mutated
from tests.scenarios.material import Material, build
from tests.scenarios.table import SCENARIOS

NOW = 1_800_000_000.0
MATERIAL = Material(now=NOW)

RESPONSES = tuple(
    build(MATERIAL, options)[0]
    for scenario in SCENARIOS
    for options in (scenario.bad_options, scenario.twin_options)
    if scenario.name != "larger than any response"
)
CERTIFICATES: tuple[x509.Certificate, ...] = (
    MATERIAL.leaf.certificate,
    MATERIAL.other_leaf.certificate,
    MATERIAL.authority.certificate,
    MATERIAL.twin.certificate,
    MATERIAL.stranger.certificate,
    MATERIAL.delegate.certificate,
    MATERIAL.with_key("rsa").certificate,
    MATERIAL.with_key("ed25519").certificate,
)

any_bytes = st.binary(max_size=2048)
changed_responses = st.builds(mutated, st.randoms(use_true_random=False), st.sampled_from(RESPONSES))
certificates = st.sampled_from(CERTIFICATES)
#: Any clock, broken ones too.
times = st.floats() | st.floats(NOW - 10 * 86400, NOW + 10 * 86400)
policies = st.builds(
    Policy,
    clock_skew=st.floats(),
    max_age_without_next_update=st.floats(),
    trusted=st.lists(certificates, max_size=3).map(tuple),
)
