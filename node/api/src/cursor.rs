//! Where lists go on. A cursor names the list that it was made for, so that another list, or the same one with other
//! filters, refuses it: taken for its own, it would leave something out without a word.
//!
//! It is no secret and no proof: what it says is a place in the list, and any place is answered.

use std::fmt::Display;

use quorate_client::schema::{HoldName, TransactionList};
use quorate_client::{TransactionFilter, When};
use quorate_crypto::sha256;
use quorate_ledger::{Address, AssetCode, Digest};

use crate::governance::ProposalFilter;
use crate::input::shown;
use crate::problem::Failure;

/// Between the list's tag and the place in it. No tag has it.
const SEPARATOR: char = '-';

/// A list as its cursors name it: what it lists, of what, and with which filters. The size of its pages is no part of
/// it, so pages of different sizes join, and the explorer's pages go on where the API's do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListTag(String);

impl ListTag {
    pub(crate) fn blocks() -> Self {
        Self::of("blocks", "")
    }

    /// Of any block: the places in it name the block.
    pub(crate) fn block_transactions() -> Self {
        Self::of("block_transactions", "")
    }

    pub(crate) fn transactions(filter: &TransactionFilter) -> Self {
        Self::of("transactions", said(filter))
    }

    pub(crate) fn account_transactions(account: &Address) -> Self {
        Self::of("account_transactions", account)
    }

    /// An account's open holds.
    pub(crate) fn holds(account: &Address) -> Self {
        Self::of("holds", account)
    }

    /// Open holds of an account, of an asset, or of both.
    pub(crate) fn open_holds(account: Option<&Address>, asset: Option<&AssetCode>) -> Self {
        let account = account.map(Address::to_string).unwrap_or_default();
        let asset = asset.map(AssetCode::to_string).unwrap_or_default();
        Self::of("open_holds", format_args!("{account}&{asset}"))
    }

    /// What became of a hold.
    pub(crate) fn hold_history(hold: &HoldName) -> Self {
        Self::of(
            "hold_history",
            format_args!("{}.{}", hold.transaction, hold.operation),
        )
    }

    /// An account's entries between two points, oldest first.
    pub(crate) fn statement(account: &Address, from: Option<When>, to: Option<When>) -> Self {
        let point = |point: Option<When>| point.map(|point| point.to_string()).unwrap_or_default();
        Self::of(
            "statement",
            format_args!("{account}&{}&{}", point(from), point(to)),
        )
    }

    pub(crate) fn members() -> Self {
        Self::of("members", "")
    }

    pub(crate) fn proposals(filter: &ProposalFilter) -> Self {
        let state = filter.state.map(|state| state.name()).unwrap_or_default();
        let member = filter.member.map(|member| member.to_string()).unwrap_or_default();
        Self::of("proposals", format_args!("{state}&{member}"))
    }

    /// What a search finds.
    pub(crate) fn search(query: &str) -> Self {
        Self::of("search", query)
    }

    pub(crate) fn assets() -> Self {
        Self::of("assets", "")
    }

    pub(crate) fn holders(code: &AssetCode) -> Self {
        Self::of("holders", code)
    }

    /// Records of documents wherever they are on the chain.
    pub(crate) fn records(filter: &TransactionFilter) -> Self {
        Self::of("records", said(filter))
    }

    /// Records of one document.
    pub(crate) fn records_of(sha256: &Digest) -> Self {
        Self::of("records_of", sha256)
    }

    fn of(list: &str, what: impl Display) -> Self {
        Self(sha256(format!("{list}?{what}").as_bytes()).short())
    }

    /// The cursor of a place in this list.
    pub(crate) fn cursor(&self, place: impl Display) -> String {
        format!("{}{SEPARATOR}{place}", self.0)
    }

    /// A page of transactions that goes on at a place, with the cursor of it.
    pub(crate) fn page(&self, list: TransactionList) -> TransactionList {
        TransactionList {
            next: list.next.map(|place| self.cursor(place)),
            ..list
        }
    }

    /// The place that a cursor of this list says, which `read` understands or refuses.
    pub(crate) fn place<T>(&self, text: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, Failure> {
        let (tag, place) = text
            .split_once(SEPARATOR)
            .filter(|(tag, _)| is_tag(tag))
            .ok_or_else(|| malformed(text))?;
        if tag != self.0 {
            return Err(foreign(text));
        }
        read(place).ok_or_else(|| malformed(text))
    }
}

/// The filters as an address has them.
fn said(filter: &TransactionFilter) -> String {
    let said = filter.query().into_iter();
    let said: Vec<String> = said.map(|(name, value)| format!("{name}={value}")).collect();
    said.join("&")
}

fn is_tag(text: &str) -> bool {
    text.len() == Digest::ZERO.short().len() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn malformed(text: &str) -> Failure {
    let detail = format!(
        "`{}` is not a cursor: give `next` of the page before",
        shown(text)
    );
    Failure::malformed("malformed_cursor", detail)
}

/// A cursor of something else.
pub(crate) fn foreign(text: &str) -> Failure {
    let detail = format!(
        "`{}` is a cursor of another list, or of this one with other filters: give `next` of the page before, with \
         that page's filters",
        shown(text)
    );
    Failure::malformed("malformed_cursor", detail)
}

#[cfg(test)]
mod tests {
    use quorate_client::schema::OperationKind;
    use quorate_crypto::Key;
    use quorate_ledger::{Height, Timestamp};

    use super::*;

    fn account(seed: u8) -> Address {
        Key::Ed25519([seed; 32]).address()
    }

    fn hold(operation: u16) -> HoldName {
        HoldName {
            owner: account(1),
            transaction: Digest([3; 32]),
            operation,
        }
    }

    /// Every list, and lists of transactions and records with every filter.
    fn lists() -> Vec<ListTag> {
        let all = TransactionFilter::default();
        let filters = [
            all,
            TransactionFilter {
                account: Some(account(1)),
                ..all
            },
            TransactionFilter {
                account: Some(account(2)),
                ..all
            },
            TransactionFilter {
                sender: Some(account(1)),
                ..all
            },
            TransactionFilter {
                asset: Some("QRT".parse().unwrap()),
                ..all
            },
            TransactionFilter {
                kind: Some(OperationKind::Mint),
                ..all
            },
            TransactionFilter {
                from: Some(When::Height(Height(7))),
                ..all
            },
            TransactionFilter {
                to: Some(When::Height(Height(7))),
                ..all
            },
            TransactionFilter {
                to: Some(When::Time(Timestamp(7))),
                ..all
            },
        ];
        let mut lists = vec![
            ListTag::blocks(),
            ListTag::block_transactions(),
            ListTag::account_transactions(&account(1)),
            ListTag::account_transactions(&account(2)),
            ListTag::holds(&account(1)),
            ListTag::holds(&account(2)),
            ListTag::open_holds(Some(&account(1)), None),
            ListTag::open_holds(None, Some(&"QRT".parse().unwrap())),
            ListTag::open_holds(Some(&account(1)), Some(&"QRT".parse().unwrap())),
            ListTag::hold_history(&hold(0)),
            ListTag::hold_history(&hold(1)),
            ListTag::statement(&account(1), None, None),
            ListTag::statement(&account(1), Some(When::Height(Height(7))), None),
            ListTag::statement(&account(1), None, Some(When::Height(Height(7)))),
            ListTag::members(),
            ListTag::proposals(&ProposalFilter::default()),
            ListTag::proposals(&ProposalFilter {
                state: Some(quorate_client::schema::ProposalStateView::Open),
                member: None,
            }),
            ListTag::proposals(&ProposalFilter {
                state: None,
                member: Some(1),
            }),
            ListTag::search("rent"),
            ListTag::search("salary"),
            ListTag::assets(),
            ListTag::holders(&"QRT".parse().unwrap()),
            ListTag::holders(&"EUR".parse().unwrap()),
            ListTag::records_of(&Digest([1; 32])),
            ListTag::records_of(&Digest([2; 32])),
        ];
        lists.extend(filters.iter().map(ListTag::transactions));
        lists.extend(filters.iter().map(ListTag::records));
        lists
    }

    #[test]
    fn a_cursor_is_taken_by_the_list_that_it_was_made_for_and_by_no_other() {
        let lists = lists();
        for (made, of) in lists.iter().enumerate() {
            let cursor = of.cursor("7.1-2");
            for (asked, list) in lists.iter().enumerate() {
                let place = list.place(&cursor, |place| Some(place.to_owned()));
                if made == asked {
                    assert_eq!(place.unwrap(), "7.1-2");
                } else {
                    let failure = place.unwrap_err();
                    assert_eq!(failure.code(), "malformed_cursor");
                    assert!(failure.to_string().contains("another list"), "{failure}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_cursor_is_not_called_one_of_another_list() {
        let list = ListTag::blocks();
        for text in [
            "",
            "7",
            "7.1",
            "-",
            "-7",
            "0123456-7",
            "0123456x-7",
            "012345678-7",
            "ä-7",
        ] {
            let failure = list.place(text, |place| Some(place.len())).unwrap_err();
            assert_eq!(failure.code(), "malformed_cursor", "{text}");
            assert!(failure.to_string().contains("is not a cursor"), "{failure}");
        }
        let own = list.place(&list.cursor("x"), |_| None::<u64>).unwrap_err();
        assert!(own.to_string().contains("is not a cursor"), "{own}");
    }
}
