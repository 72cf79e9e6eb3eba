//! Which transactions a list is to have.

use std::fmt;
use std::str::FromStr;

use quorate_ledger::{Address, AssetCode, Height, Timestamp};

use crate::schema::{ActView, HoldName, OperationKind, OperationView, Transaction};
use crate::text::{parse_rfc3339_bound, rfc3339_of};

/// Which transactions to list. What is not said takes all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransactionFilter {
    /// Those in this account's history: it sent them, or receives something by them.
    pub account: Option<Address>,
    /// Those that this account sent: with another account, what that one received from it.
    pub sender: Option<Address>,
    /// Those with an operation about this asset.
    pub asset: Option<AssetCode>,
    /// Those with an operation of this kind; with an asset too, one operation has to be both.
    pub kind: Option<OperationKind>,
    /// From this point on, itself included.
    pub from: Option<When>,
    /// Up to this point, itself included.
    pub to: Option<When>,
}

/// A point on the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The block of this height.
    Height(Height),
    /// The block of this time.
    Time(Timestamp),
}

/// Neither a height nor a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a height, or a time such as 2026-03-01T09:00:00Z")]
pub struct NotAPoint;

impl FromStr for When {
    type Err = NotAPoint;

    fn from_str(text: &str) -> Result<Self, NotAPoint> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let height = text.parse().map_err(|_| NotAPoint)?;
            return Ok(Self::Height(Height(height)));
        }
        parse_rfc3339_bound(text).map(Self::Time).ok_or(NotAPoint)
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Height(height) => write!(f, "{height}"),
            Self::Time(time) => f.write_str(&rfc3339_of(*time)),
        }
    }
}

impl TransactionFilter {
    /// Whose history has all transactions that it takes; none if they may be anybody's.
    pub fn history(&self) -> Option<Address> {
        self.account.or(self.sender)
    }

    /// Whether transactions have to be looked at to know whether it takes them.
    pub fn selects(&self) -> bool {
        self.sender.is_some() || self.selects_operations()
    }

    /// Whether it takes a transaction of that history, between these points. `held` says of which asset a hold is, which
    /// its releases and refunds do not; none if there never was one.
    ///
    /// # Errors
    /// As `held`.
    pub fn takes<E>(
        &self,
        transaction: &Transaction,
        held: impl FnMut(&HoldName) -> Result<Option<AssetCode>, E>,
    ) -> Result<bool, E> {
        if self.sender.is_some_and(|sender| sender != transaction.sender) {
            return Ok(false);
        }
        self.takes_one_of(&transaction.operations, held)
    }

    fn selects_operations(&self) -> bool {
        self.kind.is_some() || self.asset.is_some()
    }

    fn takes_one_of<E>(
        &self,
        operations: &[ActView],
        mut held: impl FnMut(&HoldName) -> Result<Option<AssetCode>, E>,
    ) -> Result<bool, E> {
        if !self.selects_operations() {
            return Ok(true);
        }
        for ActView { operation, .. } in operations {
            if self.kind.is_some_and(|kind| operation.kind() != kind) {
                continue;
            }
            let Some(asset) = self.asset else {
                return Ok(true);
            };
            let about = match operation {
                OperationView::Release { hold, .. } | OperationView::Refund { hold } => held(hold)?,
                _ => operation.asset(),
            };
            if about == Some(asset) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The parameters that say this to a node; no value needs an escape in an address.
    pub fn query(&self) -> Vec<(&'static str, String)> {
        let said = [
            ("account", self.account.map(|account| account.to_string())),
            ("sender", self.sender.map(|sender| sender.to_string())),
            ("asset", self.asset.map(|asset| asset.to_string())),
            ("kind", self.kind.map(|kind| kind.to_string())),
            ("from", self.from.map(|from| from.to_string())),
            ("to", self.to.map(|to| to.to_string())),
        ];
        said.into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use quorate_ledger::{Amount, Digest};

    use super::*;

    #[test]
    fn a_point_is_a_height_or_a_time_and_nothing_else() {
        assert_eq!("17".parse(), Ok(When::Height(Height(17))));
        let time = "2026-03-01T10:00:00+01:00".parse::<When>().unwrap();
        assert_eq!(time.to_string(), "2026-03-01T09:00:00.000Z");
        assert_eq!(time.to_string().parse(), Ok(time));
        for other in [
            "",
            "-1",
            "+1",
            "latest",
            "2026-03-01",
            "18446744073709551616",
            "0x10",
        ] {
            assert_eq!(other.parse::<When>(), Err(NotAPoint), "{other}");
        }
    }

    #[test]
    fn a_time_that_no_block_can_have_is_a_point_all_the_same() {
        for text in [
            "1969-12-31T23:59:59Z",
            "0001-01-01T00:00:00Z",
            "0001-01-01T00:00:00+23:59",
        ] {
            assert_eq!(text.parse(), Ok(When::Time(Timestamp(0))), "{text}");
        }
        let last = "9999-12-31T23:59:59-23:59".parse::<When>().unwrap();
        assert_eq!(last.to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(last.to_string().parse(), Ok(last));
    }

    #[test]
    fn one_operation_has_to_be_of_the_kind_and_about_the_asset() {
        let code = |text: &str| text.parse::<AssetCode>().unwrap();
        let burn = OperationView::Burn {
            asset: code("CO2"),
            amount: Amount(1),
        };
        let create = OperationView::CreateAsset {
            code: code("QRT"),
            decimals: 2,
            admission: false,
            freezable: false,
            description: String::new(),
        };
        let operations = [burn, create].map(|operation| ActView {
            by: Address([7; 20]),
            operation,
        });
        let of = |kind, asset: Option<&str>| TransactionFilter {
            kind,
            asset: asset.map(code),
            ..TransactionFilter::default()
        };
        let takes = |filter: TransactionFilter, operations: &[ActView]| {
            let unasked = |_: &HoldName| Err("no hold is looked up");
            filter.takes_one_of(operations, unasked).unwrap()
        };
        assert!(takes(of(None, None), &[]));
        assert!(takes(of(Some(OperationKind::Burn), None), &operations));
        assert!(takes(of(None, Some("QRT")), &operations));
        assert!(takes(of(Some(OperationKind::Burn), Some("CO2")), &operations));
        assert!(!takes(of(Some(OperationKind::Burn), Some("QRT")), &operations));
        assert!(!takes(of(Some(OperationKind::Mint), None), &operations));
        assert!(!takes(of(None, Some("EUR")), &operations));
    }

    #[test]
    fn releases_and_refunds_are_about_the_asset_of_their_hold() {
        let code = |text: &str| text.parse::<AssetCode>().unwrap();
        let hold = HoldName {
            owner: Address([1; 20]),
            transaction: Digest([2; 32]),
            operation: 3,
        };
        let by = Address([7; 20]);
        let refund = ActView {
            by,
            operation: OperationView::Refund { hold },
        };
        let of = |kind, asset| TransactionFilter {
            kind,
            asset: Some(code(asset)),
            ..TransactionFilter::default()
        };
        let takes = |filter: TransactionFilter| {
            let held = |named: &HoldName| Ok::<_, Infallible>((*named == hold).then(|| code("QRT")));
            filter.takes_one_of(std::slice::from_ref(&refund), held).unwrap()
        };
        assert!(takes(of(None, "QRT")));
        assert!(takes(of(Some(OperationKind::Refund), "QRT")));
        assert!(!takes(of(Some(OperationKind::Release), "QRT")));
        assert!(!takes(of(None, "CO2")));
    }
}
