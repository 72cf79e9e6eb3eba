//! Every code of a problem that the client API answers with.

use quorate_ledger::ErrorCode;

/// A code, under a status that it comes with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) status: u16,
    pub(crate) name: &'static str,
    /// What kind of problem it is.
    pub(crate) title: &'static str,
    /// What is wrong, wherever it is.
    pub(crate) meaning: String,
}

/// Status and title, and below them each code with its meaning. Those of the ledger are not here: [`all`] adds them.
const CODES: &str = "\
400 The request is malformed
    unknown_parameter: the call has no parameter of that name
    malformed_query: the query cannot be read, or has a parameter twice
    malformed_limit: `limit` is not 1 to 200
    malformed_cursor: `cursor` is not the `next` of a page of this list with these filters
    malformed_min_height: `min_height` is not a whole number
    malformed_hash: not 64 hexadecimal digits
    malformed_address: not an address, `qr1…`
    malformed_key: not a key of the state, 64 hexadecimal digits
    malformed_asset: not an asset's code, 1 to 12 of A–Z and 0–9
    malformed_block: not a height, a block's hash or `latest`
    malformed_size: `size` is not a whole number
    malformed_tile: not the path of a tile: a level of 0 to 63 or `entries`, and an index in groups of three digits
    malformed_kind: `kind` is no type of operation
    malformed_range: `from` or `to` is neither a height nor a time in RFC 3339, is not the one that the call takes, or leaves nothing between
    malformed_state: `state` is no state of proposals
    malformed_number: not the number of a proposal
    malformed_member: neither a member's number nor a name that one can have
    malformed_types: `types` is not `block`, `transaction`, or both
    malformed_event_id: not the id of an event, `height` or `height.index`
    malformed_wait: `wait` is neither `committed` nor `none`
    malformed_timeout: `timeout_ms` is not 0 to 60,000
    malformed_body: the body is not what its content type says, or has no transaction
    broken_body: the body broke off
    too_many_transactions: more than 8,192 transactions in one call
400 The transaction is malformed
    malformed_transaction: not the canonical bytes of a transaction with its texts, or against a rule of form
    texts_missing: it has fewer texts with it than places for them
    texts_unfit: the texts with it are not those that were signed
    text_refused: a text is empty, too long, not UTF-8, or has a character that no text may have
    bad_signature: a signature does not fit the transaction
403 Not from there
    not_from_there: called by a name that is not this node's (`api.hosts`)
404 No such call
    no_such_call: nothing is at this path
404 Not found
    unknown_transaction: neither executed nor pending here
    unknown_block: no certified block of that height or hash here
    no_blocks: no block is certified here yet
    no_checkpoint: this validator has signed no such checkpoint since its start
    unknown_tile: the log does not reach as far as this tile
    unknown_asset: no asset has this code
    unknown_member: no member has this number or name
    unknown_proposal: no proposal has this number
    unknown_key: the state has no value under this key
    nothing_to_prove: it is not so, as of the height that was asked at
    not_at_hand: this node does not have what the proof needs, or no longer
405 Method not allowed
    method_not_allowed: the path does not take this method; `Allow` says which it takes
408 The body came too slowly
    body_too_slow: it took longer than 20 s, or paused for 5 s
409 Not executed yet
    pending: it has no entry in the log, and so no bytes, until it is executed
413 The body is too large
    body_too_large: more than 8 MiB
413 The transaction is malformed
    transaction_too_large: it is longer than the network allows
415 Unsupported content
    unsupported_content: a content type that is not listed, or a packed body
422 The ledger would refuse the transaction
    wrong_network: it is for another network
    expired: it has expired and will never be executed
    expiry_too_far: it expires later than the network allows
    unauthorised: its signatures do not reach the threshold of each of its parties
    needless_signature: a signature is of a key that signs for none of its parties
    over_quota: the quota of its member, or of the accounts without one, is used up for the day (networks of protocol 2)
    unknown_sender: this node takes transactions of known accounts alone (`api.senders`)
    would_fail: an operation would fail, for a reason that this version of the node has no name for
422 The proof would be too long
    proof_too_long: it is longer than a proof may be: ask for less at once
429 Too many pending transactions
    pool_full: this node has as many as it takes
    quota_full: the sender has as many here as an account may
500 The node failed
    internal: it could not answer; its log says why
503 The node is overloaded
    overloaded: the node, or this client, has as much under way as is taken
503 The height is not reached yet
    height_not_reached: `min_height` was not certified here in time
503 The node takes no transactions now
    unavailable: it starts, stops, or does not vote
";

/// Every code, by status.
pub(crate) fn all() -> impl Iterator<Item = Code> {
    let (mut status, mut title) = (0, "");
    let own = CODES.lines().filter_map(move |line| {
        let Some((name, meaning)) = line.trim_start().split_once(": ") else {
            let (number, rest) = line.split_once(' ').expect("a status, then a title");
            status = number.parse().expect("a status is a number");
            title = rest;
            return None;
        };
        Some(Code {
            status,
            name,
            title,
            meaning: meaning.to_owned(),
        })
    });
    let of_ledger = ErrorCode::ALL.iter().filter_map(|code| {
        Some(Code {
            status: 422,
            name: code.name()?,
            title: "The ledger would refuse the transaction",
            meaning: code.to_string(),
        })
    });
    own.chain(of_ledger)
}
