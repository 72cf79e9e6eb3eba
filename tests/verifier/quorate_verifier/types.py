"""All types of docs/formats.md that a verifier reads, with their limits (section 22)."""

from __future__ import annotations

import re

from .bcs import V1, V1OrV2, Bool, Bytes, Checked, Enum, Fixed, Limited, List, Option, Struct, Text, Uint, with_text
from .forms import address_text, key_text, refused_code_point, time_text
from .keys import encode_key

DAY = 86_400_000
MIB = 1 << 20
AMOUNT_LIMIT = 10**38

U8, U16, U32, U64 = Uint(8), Uint(16), Uint(32), Uint(64)
U63 = Uint(64, 0, 2**63 - 1)
"""TOML has no larger integers, and rules have a text."""
DIGEST, RAW_KEY, RAW_SIGNATURE, SALT = Fixed(32), Fixed(32), Fixed(64), Fixed(16)
ADDRESS = with_text(Fixed(20), address_text)
TIME = with_text(Uint(64), time_text)
AMOUNT = with_text(Uint(128), str)
NO_FIELDS = None


def _code_fault(text: str) -> str | None:
    return None if re.fullmatch(r"[A-Z0-9]{1,12}", text) else "an asset's code is 1 to 12 of A-Z and 0-9"


def _name_fault(text: str) -> str | None:
    good = re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", text)
    return None if good else "a name has A-Z a-z 0-9 . - _ and begins with neither . nor -"


def _text_fault(text: str) -> str | None:
    found = refused_code_point(text)
    return f"{found} is not allowed in a text" if found else None


ASSET_CODE = Text(12, 1, _code_fault)
NAME = Text(32, 1, _name_fault)
NETWORK_NAME = Text(64, 1, _name_fault)
MULTIADDRESSES = List(Text(280), 8)

# Section 2.
KEY = with_text(Enum(("Ed25519", Fixed(32)), ("P256", Fixed(33))), key_text)
KEY_SIGNATURE = Enum(
    ("Ed25519", Struct(("key", Fixed(32)), ("signature", RAW_SIGNATURE))),
    ("P256", Struct(("key", Fixed(33)), ("signature", RAW_SIGNATURE))),
)
KEY_SIGNATURES = List(KEY_SIGNATURE, 64, 1)
SIGNER = Struct(("key", KEY), ("weight", Uint(16, 1)))
SIGNERS = Struct(
    ("threshold", U32), ("signers", List(SIGNER, 16, 1, ascending=lambda signer: encode_key(signer["key"])))
)

# Section 4.
PLACE = Enum(("Memo", NO_FIELDS), ("Operation", Struct(("index", U8), ("field", U8))))
PLACES = List(PLACE, 513, 1, ascending=True)
TEXT = Struct(("salt", SALT), ("text", Bytes(1024)))
TEXT_ITEM = Enum(("Shown", TEXT), ("Withheld", Struct(("leaf", DIGEST))))
TEXTS = Struct(("places", PLACES), ("root", DIGEST))

# Section 11.
CONDITION_LEAF = Enum(
    ("Signs", ADDRESS),
    ("From", TIME),
    ("Preimage", DIGEST),
    ("Record", Struct(("sha256", DIGEST), ("by", ADDRESS))),
)
CONDITION = Struct(("need", U8), ("leaves", List(CONDITION_LEAF, 255)))
HOLD_REF = Struct(("owner", ADDRESS), ("transaction", DIGEST), ("operation", U8))
HOLD = V1(
    Struct(
        ("owner", ADDRESS),
        ("transaction", DIGEST),
        ("operation", U8),
        ("beneficiary", ADDRESS),
        ("asset", ASSET_CODE),
        ("amount", AMOUNT),
        ("until", TIME),
        ("condition", CONDITION),
    )
)

# Section 7.
ENGINE = Enum(("Pbft", NO_FIELDS), ("Raft", NO_FIELDS), ("Paxos", NO_FIELDS))
COMMITTEE_SEAT = Struct(("member", U32), ("seat", U32), ("validator", RAW_KEY), ("node", RAW_KEY), ("witness", RAW_KEY))


def _committee_fault(committee: dict) -> str | None:
    keys = [seat[kind] for seat in committee["seats"] for kind in ("validator", "node", "witness")]
    return None if len(set(keys)) == len(keys) else "a key is in the committee twice"


COMMITTEE = Limited(
    V1(
        Struct(
            ("epoch", U64),
            ("engine", ENGINE),
            ("protocol", U32),
            ("seats", List(COMMITTEE_SEAT, 128, 1)),
            legal=_committee_fault,
        )
    ),
    14_000,
)
SEAL_CONTENT = V1(Struct(("network", DIGEST), ("epoch", U64), ("height", U64), ("block", DIGEST)))
SEAL = Struct(("validator", U16), ("signature", RAW_SIGNATURE))
SEALS = List(SEAL, 128, 1, ascending=lambda seal: seal["validator"])
HEAD_SEALS = List(SEAL, 128, ascending=lambda seal: seal["validator"])
CERTIFICATE = V1(Struct(("epoch", U64), ("height", U64), ("block", DIGEST), ("seals", SEALS)))

# Section 14. A majority orders as it is strict: more than half, two thirds, all.
MAJORITY = Enum(("MoreThanHalf", NO_FIELDS), ("TwoThirds", NO_FIELDS), ("All", NO_FIELDS))
PARAMETER_FIELDS = (
    ("max_transaction_bytes", Uint(32, 32_768, 65_536)),
    ("max_batch_bytes", Uint(32, 0, 4 * MIB)),
    ("max_batch_transactions", Uint(32, 1, 32_768)),
    ("max_batch_signature_cost", Uint(32, 512, 65_536)),
    ("max_proposal_batches", Uint(32, 1, 256)),
    ("max_expiry_lead_ms", Uint(64, 1_000, 366 * DAY)),
    ("max_hold_ms", Uint(64, 1_000, 3_660 * DAY)),
    ("max_clock_lead_ms", Uint(64, 1, 600_000)),
    ("max_clock_lag_ms", Uint(64, 1_000, 600_000)),
    ("window", Uint(32, 1, 64)),
    ("author_quota", Uint(32, 1, 4_096)),
    ("slowness_factor", Uint(32, 2, 64)),
    ("slowness_floor_ms", Uint(32, 1, 10_000)),
    ("slowness_share", Uint(32, 1, 16)),
)


def _parameters_fault(parameters: dict) -> str | None:
    if parameters["max_batch_bytes"] < parameters["max_transaction_bytes"] + 8_192:
        return "max_batch_bytes is below max_transaction_bytes + 8192"
    if parameters["max_proposal_batches"] > 32 * MIB // parameters["max_batch_bytes"]:
        return "max_proposal_batches is above 32 MiB / max_batch_bytes"
    return None


PARAMETERS = V1(Struct(*PARAMETER_FIELDS, legal=_parameters_fault))
RULE_FIELDS = (
    ("strangers", Uint(8, 0, 7)),
    ("seats", MAJORITY),
    ("engine", MAJORITY),
    ("protocol", MAJORITY),
    ("parameters", MAJORITY),
    ("grants", MAJORITY),
    ("quotas", MAJORITY),
    ("strict", MAJORITY),
    ("dormant_after_ms", Uint(64, 30 * DAY, 3_660 * DAY)),
    ("guardian_delay_ms", Uint(64, DAY, 3_660 * DAY)),
    ("day_bytes", U63),
    ("day_leaves", U32),
    ("strangers_bytes", U63),
    ("strangers_leaves", U32),
    ("reserve_bytes", U63),
)
RULES = V1(Struct(*RULE_FIELDS))

# Section 15.
AGREEMENT = V1(
    Struct(
        ("committee", COMMITTEE),
        ("first", U64),
        ("last", Option(U64)),
        ("longest_lead_ms", U64),
        ("pending", List(U64, 1_024)),
    )
)
NEXT_KEYS = Struct(("validator", RAW_KEY), ("node", RAW_KEY), ("witness", RAW_KEY))
REJOIN = Struct(("token", DIGEST), ("epoch", U64), ("timestamp", TIME), ("recent", U8))
SEAT = V1(
    Struct(
        ("number", U32),
        ("member", U32),
        ("validator", RAW_KEY),
        ("node", RAW_KEY),
        ("witness", RAW_KEY),
        ("addresses", MULTIADDRESSES),
        ("sits", Bool()),
        ("rejoin", Option(REJOIN)),
        ("active", U64),
        ("next", Option(NEXT_KEYS)),
    )
)
TAKEN = Enum(("Name", NAME), ("Key", RAW_KEY))
OWNER = Enum(("Member", U32), ("Seat", U32))
IN_USE = V1(Struct(("taken", TAKEN), ("by", OWNER)))
MEMBER_STATUS = Enum(("Active", NO_FIELDS), ("Dormant", NO_FIELDS), ("Expelled", NO_FIELDS), ("Left", NO_FIELDS))
MEMBER = V1(
    Struct(
        ("number", U32),
        ("name", NAME),
        ("account", ADDRESS),
        ("status", MEMBER_STATUS),
        ("seats", U16),
        ("since", TIME),
        ("signed", TIME),
        ("reported", Option(Struct(("by", U32), ("timestamp", TIME)))),
        ("open", List(U64, 8)),
    )
)
RIGHT_TEXTS = {
    "Administrate": "administrator",
    "Operate": "operator",
    "Audit": "auditor",
    "Participate": "participant",
    "CreateAsset": "issuer",
    "Mint": "mint",
    "Freeze": "freeze",
    "PutRecord": "put-record",
    "HoldAsset": "hold-asset",
    "Erase": "erase",
}
"""Each right has one name in texts, the first five those of roles."""
RIGHT_NAMES = tuple(RIGHT_TEXTS)
RIGHT = Enum(*((name, NO_FIELDS) for name in RIGHT_NAMES))
SCOPE = Enum(("Network", NO_FIELDS), ("Member", U32), ("Asset", ASSET_CODE))
GRANTED = (("account", ADDRESS), ("right", RIGHT), ("scope", SCOPE))
FROZEN = (("account", ADDRESS), ("asset", Option(ASSET_CODE)))
GRANT = V1(Struct(*GRANTED, ("by", ADDRESS), ("ordinal", U64)))
FREEZE = V1(Struct(*FROZEN, ("by", ADDRESS), ("ordinal", U64), ("timestamp", TIME)))
REQUEST = Struct(("signers", SIGNERS), ("accepted", List(ADDRESS, 16)), ("since", TIME))
GUARDIANS = V1(
    Struct(
        ("account", ADDRESS),
        ("guardians", List(ADDRESS, 16)),
        ("threshold", U8),
        ("delay_ms", U64),
        ("request", Option(REQUEST)),
    )
)
LIMIT = Struct(("bytes", U64), ("leaves", U32))
QUOTA = V1(
    Struct(
        ("member", Option(U32)),
        ("limit", Option(LIMIT)),
        ("day", U64),
        ("bytes", U64),
        ("leaves", U32),
        ("reserve", U64),
    )
)
QUOTA_SHARE = V1(
    Struct(
        ("account", ADDRESS),
        ("bytes", U64),
        ("leaves", U32),
        ("day", U64),
        ("used_bytes", U64),
        ("used_leaves", U32),
    )
)
BALLOT = Enum(("Yes", NO_FIELDS), ("No", NO_FIELDS), ("Withdrawn", NO_FIELDS))
PROOFS_OF_KEYS = List(RAW_SIGNATURE, 3)
GOVERNANCE_CHANGE = Limited(
    Enum(
        ("AdmitMember", Struct(("name", NAME), ("account", ADDRESS))),
        ("ExpelMember", U32),
        ("ReinstateMember", U32),
        ("MemberLeaves", U32),
        (
            "AddSeat",
            Struct(
                ("member", U32),
                ("validator", RAW_KEY),
                ("node", RAW_KEY),
                ("witness", RAW_KEY),
                ("addresses", MULTIADDRESSES),
                ("proofs", PROOFS_OF_KEYS),
            ),
        ),
        ("RemoveSeat", U32),
        ("Parameters", PARAMETERS),
        ("Rules", RULES),
        ("Engine", ENGINE),
        ("Protocol", U32),
        ("Grant", Struct(*GRANTED)),
        ("Revoke", Struct(*GRANTED)),
        ("Quota", Struct(("member", Option(U32)), ("limit", Option(LIMIT)))),
        ("Freeze", Struct(*FROZEN)),
        ("Unfreeze", Struct(*FROZEN)),
    ),
    4_096,
)
ATTESTATION = V1(
    Struct(
        ("network", DIGEST),
        ("proposal", U64),
        ("validator", RAW_KEY),
        ("height", U64),
        ("block", DIGEST),
        ("lowest", U32),
        ("highest", U32),
    )
)
ATTESTING = Enum(("Sitting", U32), ("Joining", RAW_KEY))
GOVERNANCE_PROPOSAL = V1(
    Struct(
        ("number", U64),
        ("member", U32),
        ("height", U64),
        ("expires_at", TIME),
        ("electorate", List(U32, 65_536)),
        ("change", GOVERNANCE_CHANGE),
        (
            "ballots",
            List(Struct(("member", U32), ("yes", Bool())), 65_536, ascending=lambda cast: cast["member"]),
        ),
        (
            "attested",
            List(
                Struct(("seat", ATTESTING), ("lowest", U32), ("highest", U32)),
                65_536,
                ascending=lambda attested: ATTESTING.write(attested["seat"]),
            ),
        ),
        (
            "state",
            Enum(
                ("Open", NO_FIELDS),
                ("Passed", NO_FIELDS),
                ("Executed", Struct(("height", U64))),
                ("Rejected", NO_FIELDS),
                ("Expired", NO_FIELDS),
                ("Lapsed", NO_FIELDS),
                ("Withdrawn", NO_FIELDS),
            ),
        ),
    )
)

# Section 3.
KEEP = Enum(("Log", NO_FIELDS), ("Own", NO_FIELDS), ("Unique", NO_FIELDS))
PAID = (("to", ADDRESS), ("asset", ASSET_CODE), ("amount", AMOUNT))
OPERATION = Enum(
    ("CreateAsset", Struct(("code", ASSET_CODE), ("decimals", U8), ("flags", U8))),
    ("Mint", Struct(*PAID)),
    ("Burn", Struct(("asset", ASSET_CODE), ("amount", AMOUNT))),
    ("Transfer", Struct(*PAID)),
    ("PutRecord", Struct(("sha256", DIGEST), ("keep", KEEP))),
    ("SetSigners", Struct(("signers", SIGNERS))),
    ("Rejoin", Struct(("validator", RAW_KEY), ("token", DIGEST))),
    (
        "Hold",
        Struct(
            ("beneficiary", ADDRESS),
            ("asset", ASSET_CODE),
            ("amount", AMOUNT),
            ("until", TIME),
            ("condition", CONDITION),
        ),
    ),
    (
        "Release",
        Struct(("hold", HOLD_REF), ("amount", Option(AMOUNT)), ("preimages", List(DIGEST, 8, ascending=True))),
    ),
    ("Refund", Struct(("hold", HOLD_REF))),
    ("Erase", Struct(("intent", Bytes(16_384, 1)), ("places", PLACES))),
    ("Grant", Struct(*GRANTED)),
    ("Revoke", Struct(*GRANTED)),
    ("Freeze", Struct(*FROZEN)),
    ("Unfreeze", Struct(*FROZEN)),
    ("Assign", Struct(("account", ADDRESS), ("member", Option(U32)))),
    ("Propose", Struct(("change", GOVERNANCE_CHANGE), ("expires_at", TIME))),
    ("Vote", Struct(("proposal", U64), ("ballot", BALLOT))),
    ("Withdraw", Struct(("proposal", U64))),
    ("Attest", Struct(("attestation", ATTESTATION), ("signature", RAW_SIGNATURE))),
    (
        "SetSeat",
        Struct(
            ("seat", U32),
            ("validator", Option(RAW_KEY)),
            ("node", Option(RAW_KEY)),
            ("witness", Option(RAW_KEY)),
            ("addresses", Option(MULTIADDRESSES)),
            ("proofs", PROOFS_OF_KEYS),
        ),
    ),
    ("SetGuardians", Struct(("guardians", List(ADDRESS, 16, ascending=True)), ("threshold", U8), ("delay_ms", U64))),
    ("RequestSigners", Struct(("account", ADDRESS), ("signers", SIGNERS))),
    ("DecideRequest", Struct(("account", ADDRESS), ("accept", Bool()))),
    ("ReportDormant", Struct(("member", U32))),
    ("Answer", Struct(("member", U32))),
    ("DivideQuota", Struct(("account", ADDRESS), ("bytes", U64), ("leaves", U32))),
)
INTENT = V1(
    Struct(
        ("network", DIGEST),
        ("parties", List(ADDRESS, 16, 1)),
        ("expires_at", TIME),
        ("salt", SALT),
        ("operations", List(Struct(("party", U8), ("operation", OPERATION)), 256, 1)),
        ("texts", Option(TEXTS)),
    )
)
TRANSACTION = V1(Struct(("intent", INTENT), ("signatures", KEY_SIGNATURES)))
SUBMISSION = V1(Struct(("transaction", TRANSACTION), ("texts", List(TEXT, 513))))

# Sections 5 and 6.
BATCH = V1(
    Struct(
        ("network", DIGEST),
        ("epoch", U64),
        ("author", U16),
        ("number", U64),
        ("transactions", List(TRANSACTION, 32_768)),
    )
)
SIGNED_BATCH = Limited(V1(Struct(("batch", BATCH), ("signature", RAW_SIGNATURE))), 4 * MIB)
BATCH_TEXTS = Limited(V1(Struct(("items", List(TEXT_ITEM, 32_768 * 513)))), 4 * MIB)
PROPOSAL = V1(Struct(("timestamp", TIME), ("batches", List(DIGEST, 256))))

# Sections 8 and 9.
HEADER = V1(
    Struct(
        ("network", DIGEST),
        ("protocol", U32),
        ("epoch", U64),
        ("height", Uint(64, 1)),
        ("previous", DIGEST),
        ("chain_root", DIGEST),
        ("proposal", DIGEST),
        ("timestamp", TIME),
        ("log_size", U64),
        ("log_root", DIGEST),
        ("state_root", DIGEST),
        ("next_committee", DIGEST),
    )
)
OUTCOME = Enum(
    ("Success", Struct(("results", List(AMOUNT, 256)))),
    ("Failed", Struct(("code", U16), ("operation", U8))),
)
CERTIFIED_HEADER = Struct(("header", HEADER), ("seals", HEAD_SEALS))
LOG_ENTRY = V1(
    Enum(
        (
            "Transaction",
            Struct(
                ("height", U64),
                ("timestamp", TIME),
                ("position", U32),
                ("id", DIGEST),
                ("expires_at", TIME),
                ("signed", DIGEST),
                ("outcome", OUTCOME),
            ),
        ),
        ("Recovery", Struct(("height", U64), ("timestamp", TIME), ("document", DIGEST))),
    )
)

# Section 15, recovery, with what it takes from section 19.
PREPARED_CERTIFICATE = Struct(
    ("view", U64),
    ("height", U64),
    ("proposal", PROPOSAL),
    ("pre_prepare", Option(RAW_SIGNATURE)),
    (
        "prepares",
        List(Struct(("validator", U16), ("signature", RAW_SIGNATURE)), 128, ascending=lambda item: item["validator"]),
    ),
)
RAFT_ENTRY = Struct(("index", U64), ("entry", Struct(("term", U64), ("proposal", PROPOSAL))))
PAXOS_BALLOT = Struct(("round", U64), ("proposer", U16))
ACCEPTED_VALUE = Struct(("height", U64), ("ballot", PAXOS_BALLOT), ("proposal", PROPOSAL))
OPEN_WORK = Enum(
    ("Pbft", List(PREPARED_CERTIFICATE, 128, ascending=lambda item: item["height"])),
    ("Raft", List(RAFT_ENTRY, 128, ascending=lambda item: item["index"])),
    ("Paxos", List(ACCEPTED_VALUE, 128, ascending=lambda item: item["height"])),
)
STAND_DOWN = Limited(
    V1(
        Struct(
            ("network", DIGEST),
            ("epoch", U64),
            ("validator", U16),
            ("certified", Option(CERTIFIED_HEADER)),
            ("open", OPEN_WORK),
        )
    ),
    4 * MIB,
)
SIGNED_STAND_DOWN = Struct(("stand_down", STAND_DOWN), ("signature", RAW_SIGNATURE))
STAND_DOWNS = List(SIGNED_STAND_DOWN, 128)
LOSS = V1(Struct(("network", DIGEST), ("epoch", U64), ("seat", U32), ("validator", RAW_KEY)))
SIGNED_LOSS = Struct(("loss", LOSS), ("signatures", KEY_SIGNATURES))
LOSSES = List(SIGNED_LOSS, 128)
RECOVERY = V1(
    Struct(
        ("network", DIGEST),
        ("number", U32),
        ("old_epoch", U64),
        ("new_epoch", U64),
        ("base", U64),
        ("block", DIGEST),
        ("committee", COMMITTEE),
        ("evidence", DIGEST),
    )
)
RECOVERY_LIMIT = 128 * MIB
SIGNED_RECOVERY = Limited(
    V1(
        Struct(
            ("recovery", RECOVERY),
            ("stand_downs", STAND_DOWNS),
            ("losses", LOSSES),
            ("members", List(Struct(("member", U32), ("signatures", KEY_SIGNATURES)), 65_536)),
            ("validators", List(RAW_SIGNATURE, 128)),
        )
    ),
    RECOVERY_LIMIT,
)
RECOVERY_MARK = V1(
    Struct(
        ("number", U32),
        ("document", DIGEST),
        ("base", U64),
        ("block", DIGEST),
        ("old_epoch", U64),
        ("new_epoch", U64),
    )
)
BLOCK = V1(
    Struct(
        ("header", HEADER),
        ("recovery", Option(SIGNED_RECOVERY)),
        ("proposal", PROPOSAL),
        ("executed", List(Struct(("position", U32), ("outcome", OUTCOME)), 256 * 32_768)),
    )
)
CERTIFIED_BLOCK = V1(
    Struct(
        ("block", BLOCK),
        ("certificate", CERTIFICATE),
        ("batches", List(SIGNED_BATCH, 256)),
        ("texts", List(Option(BATCH_TEXTS), 256)),
    )
)

# Section 12.
INLINE = Struct(("asset", ASSET_CODE), ("free", AMOUNT), ("held", AMOUNT), ("incoming", U32))


def _inline_fault(inline: dict) -> str | None:
    return None if inline["free"] or inline["held"] or inline["incoming"] else "an empty balance"


def _history_fault(value: dict) -> str | None:
    wanted = (value["entries"] // 32).bit_count()
    return None if len(value["waypoints"]) == wanted else f"{wanted} subtrees of waypoints belong to its entries"


HISTORY_FIELDS = (("entries", U64), ("last", DIGEST), ("waypoints", List(DIGEST, 64)))
ACCOUNT = V1(
    Struct(
        ("address", ADDRESS),
        ("signers", Option(SIGNERS)),
        ("member", Option(U32)),
        ("frozen", Bool()),
        ("holds", Uint(16, 0, 256)),
        ("others", Uint(16, 0, 256)),
        ("balances", List(Checked(INLINE, _inline_fault), 4, ascending=lambda inline: inline["asset"])),
        *HISTORY_FIELDS,
        legal=_history_fault,
    )
)
BALANCE = V1(Checked(Struct(("address", ADDRESS), *INLINE.fields), _inline_fault))
ASSET = V1(
    Struct(
        ("code", ASSET_CODE),
        ("number", U32),
        ("issuer", ADDRESS),
        ("decimals", Uint(8, 0, 18)),
        ("flags", Uint(8, 0, 3)),
        ("supply", AMOUNT),
        *HISTORY_FIELDS,
        legal=_history_fault,
    )
)
RECORD = V1(Struct(("address", ADDRESS), ("sha256", DIGEST), ("id", DIGEST), ("ordinal", U64), ("timestamp", TIME)))
ERASED = Struct(("place", PLACE), ("by", ADDRESS), ("ordinal", U64), ("timestamp", TIME))
ERASURE = V1(
    Struct(("id", DIGEST), ("erased", List(ERASED, 513, 1, ascending=lambda erased: PLACE.write(erased["place"]))))
)
COUNTERS = V1(Struct(("assets", U32), ("members", U32), ("seats", U32), ("proposals", U64), ("recoveries", U32)))


def _prefix_fault(prefix: dict) -> str | None:
    if prefix["bits"] > 256:
        return "a prefix has at most 256 bits"
    rest = int.from_bytes(prefix["key"], "big") & ((1 << (256 - prefix["bits"])) - 1)
    return "the bits after a prefix are not 0" if rest else None


PREFIX = Struct(("bits", U16), ("key", DIGEST), legal=_prefix_fault)
PATH_STEP = Struct(
    ("depth", U8), ("sibling", Checked(DIGEST, lambda hash_: None if any(hash_) else "a sibling of 32 zero bytes"))
)
LEAF = Struct(("key", DIGEST), ("value", Bytes(32_768)))
FOUND = Enum(
    ("Empty", NO_FIELDS),
    ("Other", Struct(("key", DIGEST), ("value", DIGEST))),
    ("Leaves", List(LEAF, 65_536, 1, ascending=lambda leaf: leaf["key"])),
)
STATE_PROOF = Limited(
    V1(
        Struct(
            ("prefix", PREFIX),
            ("path", List(PATH_STEP, 256, ascending=lambda step: step["depth"])),
            ("found", FOUND),
        )
    ),
    16 * MIB,
)

# Section 13.
HISTORY_OWNER = Enum(("Account", ADDRESS), ("Asset", ASSET_CODE))
HISTORY_START = Struct(("network", DIGEST), ("owner", HISTORY_OWNER), ("balances", DIGEST))
BALANCE_CHANGE = Struct(
    ("asset", ASSET_CODE),
    ("free_before", AMOUNT),
    ("free_after", AMOUNT),
    ("held_before", AMOUNT),
    ("held_after", AMOUNT),
)
BALANCE_ITEM = Struct(("asset", ASSET_CODE), ("free", AMOUNT), ("held", AMOUNT))
STEP = Struct(
    ("number", U64),
    ("ordinal", U64),
    ("timestamp", TIME),
    ("leaf", DIGEST),
    ("changes", List(BALANCE_CHANGE, 256)),
    ("balances", Option(DIGEST)),
)

# Section 16.
DRAFT_ASSET = Struct(
    ("code", ASSET_CODE),
    ("decimals", Uint(8, 0, 18)),
    ("flags", Uint(8, 0, 3)),
    ("description", Text(128, 0, _text_fault)),
    ("issuer", ADDRESS),
    ("balances", List(Struct(("address", ADDRESS), ("amount", Uint(128, 1, AMOUNT_LIMIT - 1))), 65_536)),
)
DRAFT_GRANT = Struct(*GRANTED)
DRAFT = V1OrV2(
    Struct(
        ("network", NETWORK_NAME),
        ("engine", ENGINE),
        ("time", Uint(64, 0, 253_402_300_799_999)),
        ("members", List(NAME, 128, 1)),
        ("parameters", PARAMETERS),
        ("rules", RULES),
        ("assets", List(DRAFT_ASSET, 256)),
        (
            "accounts",
            List(Struct(("address", ADDRESS), ("member", U32)), 65_536, ascending=lambda account: account["address"]),
        ),
        ("grants", List(DRAFT_GRANT, 4_096, ascending=True)),
    ),
    Struct(("protocol", Uint(32, 2, 2))),
)
JOIN_BODY = V1(
    Struct(
        ("draft", DIGEST),
        ("member", NAME),
        ("validator", RAW_KEY),
        ("node", RAW_KEY),
        ("witness", RAW_KEY),
        ("account", KEY),
        ("signers", Option(SIGNERS)),
        ("addresses", MULTIADDRESSES),
    )
)
JOIN = V1(
    Struct(
        ("body", JOIN_BODY),
        ("validator", RAW_SIGNATURE),
        ("node", RAW_SIGNATURE),
        ("witness", RAW_SIGNATURE),
        ("administrators", KEY_SIGNATURES),
    )
)
GENESIS_LIMIT = 4 * MIB
GENESIS = V1(Struct(("draft", DRAFT), ("joins", List(JOIN, 128, 1))))

# Section 17.
PATH = List(DIGEST, 64)
SHOWN_TEXTS = Enum(
    ("Nothing", NO_FIELDS),
    ("All", List(TEXT_ITEM, 513)),
    ("Alone", Struct(("index", U16), ("text", TEXT), ("path", PATH))),
)
SHOWN = Enum(
    ("Nothing", NO_FIELDS),
    ("Intent", Struct(("intent", INTENT), ("texts", SHOWN_TEXTS))),
    ("Transaction", Struct(("transaction", TRANSACTION), ("texts", SHOWN_TEXTS))),
)
START = Enum(
    ("Beginning", Struct(("balances", List(BALANCE_ITEM, 256)))),
    (
        "Waypoint",
        Struct(("before", DIGEST), ("step", STEP), ("balances", List(BALANCE_ITEM, 256)), ("path", PATH)),
    ),
)
ITEM = Enum(
    ("Passed", DIGEST),
    ("Opened", STEP),
    ("Entry", Struct(("step", STEP), ("entry", LOG_ENTRY), ("shown", SHOWN))),
)
END = Enum(("Last", NO_FIELDS), ("Waypoint", Struct(("path", PATH))))
STATEMENT = Struct(
    ("head", CERTIFIED_HEADER),
    ("owner", HISTORY_OWNER),
    ("from", TIME),
    ("to", TIME),
    ("leaf", STATE_PROOF),
    ("start", START),
    ("items", List(ITEM, 1_000_000)),
    ("end", END),
    ("beside", List(STATE_PROOF, 1_024)),
)
RECOVERY_STEP = Struct(
    ("base", Option(CERTIFIED_HEADER)), ("document", SIGNED_RECOVERY), ("leaves", List(STATE_PROOF, 65_544))
)
COMMITTEE_STEP = Enum(
    ("Certificate", Struct(("head", CERTIFIED_HEADER), ("next", COMMITTEE))),
    ("Recovery", RECOVERY_STEP),
)
TRUST = Enum(("Genesis", NO_FIELDS), ("Pinned", Struct(("header", HEADER), ("committee", COMMITTEE))))


def _frontier_fault(frontier: dict) -> str | None:
    wanted = frontier["length"].bit_count()
    return None if len(frontier["subtrees"]) == wanted else f"{wanted} subtrees belong to the frontier's length"


FRONTIER = Struct(("length", U64), ("subtrees", List(DIGEST, 64)), legal=_frontier_fault)
PROOF_BODY = Enum(
    (
        "Transaction",
        Struct(("head", CERTIFIED_HEADER), ("ordinal", U64), ("entry", LOG_ENTRY), ("path", PATH), ("shown", SHOWN)),
    ),
    ("State", Struct(("head", CERTIFIED_HEADER), ("leaves", List(STATE_PROOF, 1_024, 1)))),
    ("Statement", STATEMENT),
    ("Committees", Struct(("trust", TRUST), ("steps", List(COMMITTEE_STEP, 65_536)))),
    (
        "Block",
        Struct(
            ("head", CERTIFIED_HEADER),
            ("before", Option(HEADER)),
            ("log", FRONTIER),
            ("entries", List(LOG_ENTRY, 262_144)),
            ("shown", List(SHOWN, 262_144)),
        ),
    ),
    ("NotExecuted", Struct(("intent", INTENT), ("agreement", STATE_PROOF), ("statement", STATEMENT))),
    (
        "TwoHistories",
        Struct(
            ("first", CERTIFIED_HEADER),
            ("second", CERTIFIED_HEADER),
            ("there", Option(Struct(("hash", DIGEST), ("path", PATH)))),
        ),
    ),
    ("TwoRecoveries", Struct(("first", RECOVERY_STEP), ("second", RECOVERY_STEP))),
)
PROOF_LIMIT = 256 * MIB
PROOF = V1(Struct(("network", DIGEST), ("body", PROOF_BODY)))

# Section 18.
TRAVELLING_LIMIT = 131_072
TRAVELLING = V1(
    Struct(
        ("intent", INTENT),
        ("texts", List(TEXT, 513)),
        ("signatures", List(KEY_SIGNATURE, 64)),
        (
            "decimals",
            List(
                Struct(("asset", ASSET_CODE), ("decimals", Uint(8, 0, 18))),
                512,
                ascending=lambda item: item["asset"],
            ),
        ),
    )
)
KNOWN_TRANSACTION = Struct(("entry", LOG_ENTRY), ("transaction", TRANSACTION), ("texts", List(TEXT_ITEM, 513)))
