//! README's table of the protocols says what `docs/comparison.md` says: the page is written from what
//! `quorate compare` prints, the table from the page.

const README: &str = include_str!("../../README.md");
const PAGE: &str = include_str!("../../docs/comparison.md");

/// The networks of one fault: PBFT, Raft, Paxos.
const NETWORKS: usize = 3;

/// A row of a table: its name, and its first three cells. None for what is no such row.
fn row(line: &str) -> Option<(String, [String; NETWORKS])> {
    let mut cells = line.strip_prefix('|')?.split('|').map(plain);
    let name = cells.next()?;
    let cells: Vec<String> = cells.take(NETWORKS).collect();
    Some((name, cells.try_into().ok()?))
}

/// Without what makes it bold, and without the commas of thousands.
fn plain(cell: &str) -> String {
    let letters: Vec<char> = cell.trim().chars().filter(|letter| *letter != '*').collect();
    let digit = |place: Option<usize>| {
        let letter = place.and_then(|place| letters.get(place));
        letter.is_some_and(char::is_ascii_digit)
    };
    let kept = letters.iter().enumerate().filter(|(place, letter)| {
        let of_thousands = digit(place.checked_sub(1)) && digit(Some(place + 1));
        !(**letter == ',' && of_thousands)
    });
    kept.map(|(_, letter)| letter).collect()
}

/// The cells of the first row that begins so, at or after this text.
fn cells(text: &str, after: &str, beginning: &str) -> [String; NETWORKS] {
    let (_, rest) = text
        .split_once(after)
        .unwrap_or_else(|| panic!("there is no {after:?}"));
    let mut rows = rest.lines().filter_map(row);
    let found = rows.find(|(name, _)| name.starts_with(beginning));
    found
        .unwrap_or_else(|| panic!("there is no row {beginning:?} after {after:?}"))
        .1
}

/// What the page has in such a row.
fn page(after: &str, beginning: &str) -> [String; NETWORKS] {
    cells(PAGE, after, beginning)
}

fn readme(beginning: &str) -> [String; NETWORKS] {
    cells(README, "\n## Which protocol\n", beginning)
}

/// All whole numbers in a cell, in order.
fn numbers(cell: &str) -> Vec<&str> {
    let parts = cell.split(|letter: char| !letter.is_ascii_digit());
    parts.filter(|part| !part.is_empty()).collect()
}

const COSTS: &str = "\n## What orders cost\n";
const FAR: &str = "| **the same, links of 10 to 30 ms**";
const FAULTS: &str = "\n## Which faults each outlives\n";
const MACHINE: &str = "\n## On one machine\n";

#[test]
fn what_orders_cost_in_the_readme_is_what_the_comparison_says() {
    assert_eq!(
        readme("messages for a batch"),
        page(COSTS, "messages of the protocol")
    );
    // Kilobytes with one decimal, for a hundred payments: tens of bytes for one.
    let bytes = page(COSTS, "their bytes").map(|cell| cell.trim_end_matches(" kB").replace('.', ""));
    assert_eq!(readme("their bytes for each payment"), bytes);
    assert_eq!(readme("flushes"), page(COSTS, "flushes, all validators"));
    let decided = page(COSTS, "message delays until somebody decides");
    let certified = page(COSTS, "until somebody has a certified block");
    let mut delays = decided;
    for (delay, certified) in delays.iter_mut().zip(certified) {
        *delay = format!("{delay}; {certified}");
    }
    assert_eq!(readme("message delays to a decision"), delays);
    let medians = page(FAR, "packed to certified").map(|cell| {
        let median = cell.split(',').next().unwrap_or_default();
        format!("{median} ms")
    });
    assert_eq!(readme("packed to certified"), medians);
}

#[test]
fn what_faults_do_in_the_readme_is_what_the_comparison_says() {
    let crash = page(FAULTS, "the leader crashes");
    assert_eq!(
        readme("the leader dies").each_ref().map(|cell| numbers(cell)),
        crash.each_ref().map(|cell| numbers(cell))
    );
    let of_one = [
        "f followers crash",
        "the leader crashes",
        "the leader and f - 1 others cut off",
        "one message in ten is lost",
    ];
    let of_more = ["f + 1 crash", "cut into parts, none a quorum"];
    let one = of_one.map(|fault| (readme("one crash"), fault));
    let more = of_more.map(|fault| (readme("two crash"), fault));
    for (cells, fault) in one.into_iter().chain(more) {
        for (said, found) in cells.iter().zip(page(FAULTS, fault)) {
            let word = said.split(',').next().unwrap_or_default();
            assert!(found.starts_with(word), "{fault}: {said}, {found}");
        }
    }
    let lies = page(FAULTS, "the leader tells two halves two things");
    for (said, found) in readme("the leader tells two halves").iter().zip(lies) {
        let expected = match found.strip_prefix("decided differently in ") {
            Some(rest) => format!("splits in {}", numbers(rest)[0]),
            None => "stays one".to_owned(),
        };
        assert_eq!(*said, expected, "{found}");
    }
}

#[test]
fn what_networks_took_in_the_readme_is_what_the_comparison_says() {
    assert_eq!(readme("payments a second"), page(MACHINE, "payments/s"));
    assert_eq!(
        readme("validators' processor time"),
        page(MACHINE, "validators' processor time")
    );
}
