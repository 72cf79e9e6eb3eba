//! Checking a folder of tables, with the genesis document alone (`docs/tables.md`, section 5).
//!
//! Files are read and held against their manifests on all cores, while one thread follows the chain through the tables of
//! blocks and transactions and makes the rows of all others. No word of a manifest is believed: it says where to look.

mod cells;
mod chain;
mod cursor;
mod files;
mod locate;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use quorate_crypto::sha256;
use quorate_genesis::Genesis;
use quorate_ledger::Digest;
use quorate_verifier::{Anchor, HeadFacts, MAX_FILE_BYTES, Pin, ProofKind, Verifier};

use self::chain::{Ground, Walked, walk};
use self::files::{FileVerdict, Known};
use crate::day::Day;
use crate::digests::{Digests, MARK_BYTES};
use crate::error::FolderError;
use crate::finding::{Finding, Findings, Report, Spot, What};
use crate::folder::{Folder, read_bounded};
use crate::making::RowSet;
use crate::manifest::{DayLine, DayManifest, FileLine, MAX_DAY_BYTES, MAX_MANIFEST_BYTES, Manifest};
use crate::table::Table;

/// A file that is to be checked.
struct Task<'a> {
    spot: Spot,
    line: &'a FileLine,
    /// Where the marks of its rows begin in the day's, if these are at hand.
    marks: Option<u64>,
}

/// Number of rows and the root over them.
type Roots = BTreeMap<(Day, Table), (u64, Digest)>;

/// Checks a folder of tables against the genesis document, and against a block that is trusted if there is one.
///
/// # Errors
/// If there is no manifest that could be read at all. All else that is wrong is in the report.
pub fn verify(path: &Path, genesis: &Genesis, pin: Option<Pin>) -> Result<Report, FolderError> {
    let folder = Folder::new(path);
    let path = folder.manifest();
    let text = read_bounded(&path, MAX_MANIFEST_BYTES)?;
    let manifest = Manifest::read(&text).map_err(|reason| FolderError::malformed(&path, reason))?;
    let mut findings = Findings::default();
    let mut report = Report {
        network: manifest.network,
        head: manifest.head.clone(),
        days: manifest.days.len(),
        rows: BTreeMap::new(),
        findings: Vec::new(),
        more: 0,
    };
    let mut verifier = Verifier::new(Anchor {
        genesis: Some(genesis.clone()),
        pin: None,
    });
    match check_head(&folder, &manifest, genesis, &mut verifier) {
        Ok(head) => {
            let check = Check {
                folder: &folder,
                genesis,
                verifier: &verifier,
                head,
                pin,
            };
            check.days(&manifest, &mut findings, &mut report.rows)?;
        }
        Err(finding) => findings.push(finding),
    }
    report.findings = findings.listed;
    report.more = findings.more;
    Ok(report)
}

/// The certified head, which must be the manifest's.
fn check_head(
    folder: &Folder,
    manifest: &Manifest,
    genesis: &Genesis,
    verifier: &mut Verifier,
) -> Result<HeadFacts, Finding> {
    if manifest.network != genesis.id() {
        return Err(Finding::head(format!(
            "the tables are of the network {}, the genesis document is of {}",
            manifest.network,
            genesis.id()
        )));
    }
    let limit = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX);
    let file = read_bounded(&folder.head_proof(), limit).map_err(|error| Finding::head(error.to_string()))?;
    let verdicts = verifier
        .check_file(&file)
        .map_err(|refusal| Finding::head(format!("its proof is refused: {refusal}")))?;
    let verdict = verdicts
        .first()
        .filter(|verdict| verdict.kind == ProofKind::Block);
    let head = verdict.and_then(|verdict| verdict.head);
    let head = head.ok_or_else(|| Finding::head("its proof is not one of a block"))?;
    let said = &manifest.head;
    let is_same = (said.epoch, said.height, said.hash) == (head.epoch, head.height, head.hash)
        && said.time == head.timestamp.to_string();
    if is_same {
        Ok(head)
    } else {
        Err(Finding::head(format!(
            "the manifest names block {} {}, the proof is of block {} {}",
            said.height, said.hash, head.height, head.hash
        )))
    }
}

struct Check<'a> {
    folder: &'a Folder,
    genesis: &'a Genesis,
    verifier: &'a Verifier,
    head: HeadFacts,
    pin: Option<Pin>,
}

impl Check<'_> {
    fn days(
        &self,
        manifest: &Manifest,
        findings: &mut Findings,
        rows: &mut BTreeMap<&'static str, u64>,
    ) -> Result<(), FolderError> {
        let days = self.read_days(manifest, findings);
        self.check_listing(&days, findings)?;
        let mut tasks = Vec::new();
        let mut known = Known::new();
        for day in &days {
            let places = places_of_marks(self.folder, day, findings);
            for ((table, line), marks) in day.files().zip(places) {
                let spot = Spot { table, day: day.day };
                known.insert(line.sha256, (table, day.day));
                tasks.push(Task { spot, line, marks });
            }
        }
        let ground = Ground {
            folder: self.folder,
            genesis: self.genesis,
            verifier: self.verifier,
            head: self.head,
            pin: self.pin,
            days: &days,
        };
        let (verdicts, walked, made) = run(&ground, &tasks, &known);
        if manifest.head.log_size != manifest_end(&days) {
            let reason = "the log size of its head is not where its days end";
            findings.push(Finding::manifest(None, None, reason));
        }
        let mut found = Roots::new();
        let mut base_is_good = walked.is_complete && walked.findings.is_empty();
        for (task, verdict) in tasks.iter().zip(&verdicts) {
            let spot = task.spot;
            if let Some((count, root)) = verdict.rows {
                found.insert((spot.day, spot.table), (count, root));
                let sum = rows.entry(spot.table.name()).or_default();
                *sum = sum.saturating_add(count);
            }
            base_is_good &= spot.table.is_derived() || verdict.findings.is_empty();
        }
        let wanted = differing(&made, &found, &tasks, findings, base_is_good);
        for (task, verdict) in tasks.iter().zip(verdicts) {
            // What is named with the cells that should be there is not told twice.
            let is_located = wanted.contains(&(task.spot.day, task.spot.table));
            let Findings { listed, more } = verdict.findings;
            findings.extend(
                listed
                    .into_iter()
                    .filter(|told| !is_located || !told.is_about_rows()),
            );
            if !is_located {
                findings.more = findings.more.saturating_add(more);
            }
        }
        findings.extend(walked.findings.listed);
        findings.more = findings.more.saturating_add(walked.findings.more);
        if !wanted.is_empty() {
            locate::locate(&ground, &wanted, findings);
        }
        Ok(())
    }

    /// The days' manifests, as far as they can be read.
    fn read_days(&self, manifest: &Manifest, findings: &mut Findings) -> Vec<DayManifest> {
        let mut days = Vec::new();
        for line in &manifest.days {
            match read_day(self.folder, line) {
                Ok((day, is_same)) => {
                    let is_own = day.network == manifest.network && day.day == line.day;
                    if !is_same || !is_own || day.span() != line.span() {
                        let reason =
                            "it is not the one of which the folder's manifest has the hash and the heights";
                        findings.push(Finding::manifest(Some(line.day), None, reason));
                    }
                    if is_own {
                        days.push(day);
                    }
                }
                Err(error) => findings.push(Finding::manifest(Some(line.day), None, error.to_string())),
            }
        }
        days
    }

    /// Looks for files that no manifest names: whoever reads the tables would take them for a part of them.
    fn check_listing(&self, days: &[DayManifest], findings: &mut Findings) -> Result<(), FolderError> {
        let mut named = BTreeSet::new();
        for day in days {
            named.extend(day.files().map(|(_, line)| line.file.clone()));
            for path in [self.folder.day(day.day), self.folder.marks(day.day)] {
                let inside = path.strip_prefix(self.folder.path()).unwrap_or(&path);
                named.insert(inside.to_string_lossy().into_owned());
            }
        }
        self.folder.strays(&named, &mut |file| {
            let shown = quorate_ledger::visible(&file).into_owned();
            findings.push(Finding {
                what: What::File,
                table: None,
                day: None,
                row: None,
                column: None,
                reason: format!("no manifest names the file {shown}, or it is a link"),
            });
        })
    }
}

/// A day's manifest, and whether it has the hash that the folder's manifest says.
fn read_day(folder: &Folder, line: &DayLine) -> Result<(DayManifest, bool), FolderError> {
    let path = folder.day(line.day);
    let text = read_bounded(&path, MAX_DAY_BYTES)?;
    let day = DayManifest::read(&text).map_err(|reason| FolderError::malformed(&path, reason))?;
    Ok((day, sha256(&text) == line.sha256))
}

/// Where the marks of each of a day's files begin in the day's marks; none where these are not as they were exported.
fn places_of_marks(folder: &Folder, day: &DayManifest, findings: &mut Findings) -> Vec<Option<u64>> {
    let rows = day.files().map(|(_, line)| line.rows);
    let bytes = rows.fold(0_u64, u64::saturating_add).saturating_mul(MARK_BYTES);
    let is_own = match files::hash(&folder.marks(day.day)) {
        Ok((sha256, length)) => sha256 == day.marks && length == bytes,
        Err(_) => false,
    };
    if !is_own {
        let reason =
            "the marks of its rows are not there, or not those of which it has the hash and the number";
        findings.push(Finding::manifest(Some(day.day), None, reason));
    }
    let mut next = 0_u64;
    let places = day.files().map(|(_, line)| {
        let place = next;
        next = next.saturating_add(line.rows.saturating_mul(MARK_BYTES));
        is_own.then_some(place)
    });
    places.collect()
}

/// Where the log is after all days.
fn manifest_end(days: &[DayManifest]) -> u64 {
    let last = days.last();
    last.map_or(0, |day| day.first_ordinal.saturating_add(day.transactions))
}

/// Checks all files on all cores, and follows the chain beside. Gives the files' verdicts in the order of the tasks, what
/// came of the chain, and the roots over the rows that follow from it.
fn run(ground: &Ground<'_>, tasks: &[Task<'_>], known: &Known) -> (Vec<FileVerdict>, Walked, Roots) {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let next = AtomicUsize::new(0);
    let verdicts: Mutex<BTreeMap<usize, FileVerdict>> = Mutex::default();
    let work = || {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = tasks.get(place) else {
                return;
            };
            let verdict = files::check(ground.folder, task.spot, task.line, task.marks, known);
            let mut verdicts = verdicts.lock().expect("no thread panics while it holds verdicts");
            verdicts.insert(place, verdict);
        }
    };
    let (walked, made) = std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        let followed = follow(ground);
        work();
        followed
    });
    let verdicts = verdicts
        .into_inner()
        .expect("no thread panics while it holds verdicts");
    (verdicts.into_values().collect(), walked, made)
}

/// Follows the chain, and makes the roots of the tables that follow from it.
fn follow(ground: &Ground<'_>) -> (Walked, Roots) {
    let mut under_way: BTreeMap<(Day, Table), Digests> = BTreeMap::new();
    let walked = walk(ground, &mut |day: Day, rows: &RowSet| {
        let derived = Table::ALL.into_iter().filter(|table| table.is_derived());
        for table in derived.filter(|table| !rows.of(*table).is_empty()) {
            let digests = under_way.entry((day, table)).or_insert_with(Digests::of_root);
            digests.add(rows.of(table));
        }
    });
    let roots = under_way.into_iter().map(|(place, digests)| {
        let digests = digests.finish();
        (place, (digests.rows, digests.root))
    });
    (walked, roots.collect())
}

/// The files whose rows are not those that were made. Where blocks or transactions are not good, nothing that was made of
/// them says anything about others.
fn differing(
    made: &Roots,
    found: &Roots,
    tasks: &[Task<'_>],
    findings: &mut Findings,
    base_is_good: bool,
) -> BTreeSet<(Day, Table)> {
    let mut wanted = BTreeSet::new();
    if !base_is_good {
        return wanted;
    }
    let named: BTreeSet<(Day, Table)> = tasks
        .iter()
        .map(|task| (task.spot.day, task.spot.table))
        .collect();
    for ((day, table), (rows, _)) in made {
        if !named.contains(&(*day, *table)) {
            let spot = Spot {
                table: *table,
                day: *day,
            };
            findings.push(spot.file(format!("it is missing, though the chain gives {rows} rows")));
        }
    }
    for ((day, table), rows) in found {
        let place = (*day, *table);
        if table.is_derived() && made.get(&place) != Some(rows) {
            wanted.insert(place);
        }
    }
    wanted
}
