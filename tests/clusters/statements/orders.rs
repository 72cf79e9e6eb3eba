//! Who pays whom: a list by rule, or a file of real orders, which is read and never copied.
//!
//! The file has the columns `order_id`, `payer_account`, `payee_bank`, `payee_account`, `amount` and `purpose`, set apart
//! by commas or semicolons, and names thirteen banks as payees. Its payers are customers of a bank that it does not name:
//! the number of a customer's account says which of the thirteen pays, so that all of them do.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

/// How many banks there are.
pub(super) const BANKS: usize = 13;

/// The list is paid in so many parts, between which something breaks.
pub(super) const THIRDS: usize = 3;

/// Each bank pays its orders of a third from so many files, one after the other.
pub(super) const ROUNDS: usize = 4;

/// The first of these files have so few orders of a third that many transactions touch no more than two or three banks,
/// however long the list is.
const FIRST_ROUND: usize = 40;

/// The names of the banks by rule.
static NAMES: [&str; BANKS] = [
    "AB", "CD", "EF", "GH", "IJ", "KL", "MN", "OP", "QR", "ST", "UV", "WX", "YZ",
];

/// How many orders are made by rule.
const BY_RULE: usize = 400;

/// One payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// The bank that pays, by its place among the banks.
    pub(super) payer: usize,
    /// The bank that is paid; another one.
    pub(super) payee: usize,
    /// How much, in smallest units, of which 100 are one.
    pub(super) units: u128,
    /// What it is for; no two orders have the same.
    pub(super) memo: String,
}

/// All payments, in their order.
pub(super) struct Orders {
    /// The banks' names.
    pub(super) names: Vec<String>,
    list: Vec<Order>,
}

impl Orders {
    /// Those of the file that `QUORATE_ORDERS` names, or those by rule.
    #[track_caller]
    pub(super) fn given() -> Self {
        let file: Option<OsString> = std::env::var_os("QUORATE_ORDERS").filter(|path| !path.is_empty());
        let orders = match file {
            Some(path) => Self::of_text(&fs::read_to_string(Path::new(&path)).unwrap()),
            None => Self::by_rule(),
        };
        orders.check();
        orders
    }

    /// 400 orders. So many go to the first bank that its history has a waypoint (every 32nd step) before the second third,
    /// one in it and one behind it. Those of the others have their first one behind it.
    fn by_rule() -> Self {
        let order = |number: usize| {
            let (payer, turn) = (number % BANKS, number / BANKS);
            let payee = if payer > 0 && (turn + payer).is_multiple_of(4) {
                0
            } else {
                (payer + 1 + (5 * turn + 3 * payer) % 11) % BANKS
            };
            Order {
                payer,
                payee,
                // At most seven digits.
                units: ((7_919 * number * number + 104_729 * number) % 9_999_999 + 1) as u128,
                memo: format!("RF{number:04} {} to {}", NAMES[payer], NAMES[payee]),
            }
        };
        Self {
            names: NAMES.map(str::to_owned).to_vec(),
            list: (0..BY_RULE).map(order).collect(),
        }
    }

    /// The orders of a file.
    #[track_caller]
    fn of_text(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        assert!(!text.contains('"'), "no cell is in quotes");
        let mut lines = text.lines();
        let header = lines.next().expect("a line with the columns' names");
        let separator = if header.contains(';') { ';' } else { ',' };
        let columns: Vec<&str> = header.split(separator).collect();
        let rows: Vec<Vec<&str>> = lines.map(|line| line.split(separator).collect()).collect();
        assert!(
            rows.iter().all(|row| row.len() == columns.len()),
            "a row of other columns than {header}"
        );
        let cells = |name: &str| column(&rows, &columns, name);
        let banks = cells("payee_bank");
        let names: BTreeSet<&str> = banks.iter().copied().collect();
        let names: Vec<&str> = names.into_iter().collect();
        let (ids, payers, amounts) = (cells("order_id"), cells("payer_account"), cells("amount"));
        let (accounts, purposes) = (cells("payee_account"), cells("purpose"));
        let order = |row: usize| {
            let payee = names.binary_search(&banks[row]).expect("each is among the names");
            let payer = payers[row].parse::<usize>().expect("an account's number") % BANKS;
            let memo = format!("{} to {} {}", ids[row], accounts[row], purposes[row]);
            Order {
                payer: if payer == payee {
                    (payer + 1) % BANKS
                } else {
                    payer
                },
                payee,
                units: units(amounts[row]),
                memo: memo.trim_end().to_owned(),
            }
        };
        Self {
            list: (0..rows.len()).map(order).collect(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    /// What the test relies on.
    #[track_caller]
    fn check(&self) {
        assert_eq!(self.names.len(), BANKS, "{:?}", self.names);
        let memos: BTreeSet<&str> = self.list.iter().map(|order| order.memo.as_str()).collect();
        assert_eq!(memos.len(), self.list.len(), "two orders have one reference");
        for order in &self.list {
            assert!(order.payer < BANKS && order.payee < BANKS && order.payer != order.payee);
            assert!(order.units > 0 && !order.memo.contains([',', '\n']), "{order:?}");
        }
        for third in 0..THIRDS {
            assert!(self.third(third).len() >= FIRST_ROUND, "too few orders");
            for bank in 0..BANKS {
                assert!(self.third(third).iter().any(|order| order.payer == bank));
            }
        }
    }

    /// The orders of a third.
    pub(super) fn third(&self, third: usize) -> &[Order] {
        part(&self.list, third, THIRDS)
    }

    /// What a bank pays in a round of a third, in this order.
    pub(super) fn to_pay(&self, third: usize, round: usize, bank: usize) -> Vec<&Order> {
        let (first, others) = self.third(third).split_at(FIRST_ROUND);
        let orders = match round.checked_sub(1) {
            None => first,
            Some(other) => part(others, other, ROUNDS - 1),
        };
        let orders = orders.iter();
        orders.filter(|order| order.payer == bank).collect()
    }

    /// What a bank has before the first order: all that it will ever pay, and something that tells it from the others.
    pub(super) fn funding(&self, bank: usize) -> u128 {
        let payments = self.list.iter().filter(|order| order.payer == bank);
        payments.map(|order| order.units).sum::<u128>() + 1_000 * (bank as u128 + 1)
    }

    /// What a bank has after so many thirds.
    pub(super) fn balance(&self, bank: usize, thirds: usize) -> u128 {
        let done = || (0..thirds).flat_map(|third| self.third(third));
        let came: u128 = done()
            .filter(|order| order.payee == bank)
            .map(|order| order.units)
            .sum();
        let went: u128 = done()
            .filter(|order| order.payer == bank)
            .map(|order| order.units)
            .sum();
        self.funding(bank) + came - went
    }
}

/// A part of a list that is cut into so many.
fn part(list: &[Order], number: usize, parts: usize) -> &[Order] {
    &list[list.len() * number / parts..list.len() * (number + 1) / parts]
}

/// The cells of the column with a name.
#[track_caller]
fn column<'a>(rows: &[Vec<&'a str>], columns: &[&str], name: &str) -> Vec<&'a str> {
    let place = columns.iter().position(|column| *column == name);
    let place = place.unwrap_or_else(|| panic!("no column {name} among {columns:?}"));
    rows.iter().map(|row| row[place]).collect()
}

/// An amount with two decimals in smallest units.
#[track_caller]
fn units(text: &str) -> u128 {
    let (whole, cents) = text.split_once('.').expect("a decimal point");
    assert_eq!(cents.len(), 2, "{text}");
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    assert!(digits(whole) && digits(cents), "{text}");
    format!("{whole}{cents}").parse().unwrap()
}

/// The text of an amount with two decimals.
pub(super) fn text_of(units: u128) -> String {
    format!("{}.{:02}", units / 100, units % 100)
}

#[test]
fn a_list_by_rule_is_always_the_same() {
    let (one, other) = (Orders::by_rule(), Orders::by_rule());
    assert_eq!(one.list, other.list);
    one.check();
    assert_eq!(
        one.list[1],
        Order {
            payer: 1,
            payee: 5,
            units: 112_649,
            memo: "RF0001 CD to KL".to_owned(),
        }
    );
}

#[test]
fn a_file_of_orders_is_read_with_either_separator() {
    let names = NAMES.iter().enumerate();
    let rows = names.map(|(place, name)| format!("{place},{},{name},7{place},{place}.05,\n", place + 26));
    let text = format!(
        "order_id,payer_account,payee_bank,payee_account,amount,purpose\n{}99,14,YZ,5,1488.20,loan\n",
        rows.collect::<String>()
    );
    let orders = Orders::of_text(&text);
    let semicolons = Orders::of_text(&text.replace(',', ";"));
    assert_eq!(orders.list, semicolons.list);
    assert_eq!(orders.names, NAMES);
    // Nobody pays itself.
    let first = &orders.list[3];
    assert_eq!((first.payer, first.payee, first.units), (4, 3, 305));
    assert_eq!(first.memo, "3 to 73");
    let last = orders.list.last().unwrap();
    assert_eq!((last.payer, last.payee, last.units), (1, 12, 148_820));
    assert_eq!(last.memo, "99 to 5 loan");
}
