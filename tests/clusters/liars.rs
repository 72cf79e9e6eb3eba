//! Validators that lie as real processes: each lie while its validator follows, and while it leads. Whatever one of
//! four says, payments go on, what was acknowledged is there, the honest ones have one chain, and none of them is
//! accused.
//!
//! Those that are marked `#[ignore]` run with `scripts/test --long`.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::Cluster;
use crate::binary::liar;
use crate::cluster::PATIENCE;
use crate::wait::until;

/// Where the liar is: it leads view 1.
const PLACE: u16 = 2;
/// Payments made at each honest validator while the liar follows, and as many while it leads.
const PAYMENTS: usize = 2;
/// How long the first leader is stopped, which is longer than anybody waits for it.
const STOPPED: Duration = Duration::from_millis(1_800);

/// A process in the place of an honest validator's.
struct Liar {
    child: Child,
    log: PathBuf,
}

impl Liar {
    /// Ends the validator, and starts one on its home that keeps the rules until it is told to lie.
    #[track_caller]
    fn in_place_of(cluster: &Cluster, number: u16, lie: &str) -> Self {
        let name = format!("validator-{number}");
        cluster.expect(0, &["localnet", "kill", &name]);
        let home = cluster.dir().join(&name);
        let path = home.join("node.log");
        let log = std::fs::File::options().append(true).open(&path).unwrap();
        let mut command = Command::new(liar());
        let arguments = [
            "run",
            "--lie",
            lie,
            "--from-signal",
            "--processor",
            "50",
            "--home",
        ];
        command
            .args(arguments)
            .arg(&home)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let child = command.spawn().unwrap();
        Self { child, log: path }
    }

    fn lie(&self) {
        let sent = Command::new("kill")
            .args(["-USR1", &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// It has lied, and still runs: nothing was borne because there was nothing to bear.
    #[track_caller]
    fn check(&mut self) {
        assert!(self.child.try_wait().unwrap().is_none(), "the liar has ended");
        let log = std::fs::read_to_string(&self.log).unwrap();
        assert!(log.contains("the lie begins"), "the liar has kept the rules");
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A network with liars in it.
struct Attacked {
    cluster: Cluster,
    honest: Vec<u16>,
    liars: Vec<Liar>,
    alice: String,
    paid: u128,
}

impl Attacked {
    /// Starts a network of so many, of whom these lie once they are told to.
    #[track_caller]
    fn up(validators: u16, lies: &[(u16, &str)]) -> Self {
        let cluster = Cluster::up_of(validators);
        let alice = cluster.key("alice.key");
        let start = |(number, lie): &(u16, &str)| Liar::in_place_of(&cluster, *number, lie);
        let liars: Vec<Liar> = lies.iter().map(start).collect();
        let lies_there = |number: &u16| lies.iter().any(|(liar, _)| liar == number);
        let honest: Vec<u16> = (1..=validators).filter(|number| !lies_there(number)).collect();
        let attacked = Self {
            cluster,
            honest,
            liars,
            alice,
            paid: 0,
        };
        for (number, _) in lies {
            until("the liar is linked to all", PATIENCE, || {
                let peers = attacked.status(*number)?["peers"].as_u64()?;
                (peers == u64::from(validators) - 1).then_some(())
            });
        }
        attacked
    }

    fn status(&self, number: u16) -> Option<Value> {
        let status = self
            .cluster
            .run(&["query", "status", "--node", &self.cluster.api(number)]);
        (status.code == Some(0)).then(|| status.json())
    }

    fn view(&self) -> u64 {
        let views = self
            .honest
            .iter()
            .filter_map(|number| self.status(*number)?["view"].as_u64());
        views.max().unwrap_or(0)
    }

    fn lie(&self) {
        for liar in &self.liars {
            liar.lie();
        }
    }

    /// Pays at every honest validator in turn.
    #[track_caller]
    fn pay(&mut self, doing: &str) {
        for _ in 0..PAYMENTS {
            for number in self.honest.clone() {
                let node = self.cluster.api(number);
                let paid = self
                    .cluster
                    .transfer(&self.alice, "1", &["--node", &node, "--timeout", "30"]);
                assert_eq!(
                    paid.code,
                    Some(0),
                    "{doing}, at validator-{number}: {}",
                    paid.stderr
                );
                self.paid += 100;
            }
        }
    }

    /// Stops who leads for a while, with a payment under way: the next one is to lead.
    #[track_caller]
    fn change_view(&mut self) {
        let before = self.view();
        let first = format!("validator-{}", before % u64::from(self.cluster.size()) + 1);
        let node = self.cluster.api(self.honest[1]);
        let arguments = ["--asset", "QRT", "--node", &node, "--timeout", "60"];
        let transfer = ["wallet", "transfer", "--to", &self.alice, "--amount", "1"];
        self.cluster.expect(0, &["localnet", "pause", &first]);
        let mut paying = self.cluster.command(&[transfer.as_slice(), &arguments].concat());
        let mut paying = paying
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(STOPPED);
        self.cluster.expect(0, &["localnet", "resume", &first]);
        until("the view changes", PATIENCE, || {
            (self.view() > before).then_some(())
        });
        assert!(
            paying.wait().unwrap().success(),
            "the payment across the view change"
        );
        self.paid += 100;
    }

    /// All honest validators have one chain, with all that was acknowledged in it, and accuse none of themselves.
    #[track_caller]
    fn check(&mut self) {
        self.liars.iter_mut().for_each(Liar::check);
        let tip = until("the honest ones have the same tip", PATIENCE, || {
            let first = self.cluster.tip(self.honest[0])?;
            let same = |number: &u16| self.cluster.tip(*number).as_ref() == Some(&first);
            self.honest.iter().all(same).then_some(first)
        });
        for number in &self.honest {
            assert_eq!(self.cluster.balance(*number, &self.alice), self.paid, "{tip:?}");
            let node = self.cluster.api(*number);
            let list = self
                .cluster
                .expect(0, &["query", "evidence", "--node", &node])
                .json();
            for evidence in list["evidence"].as_array().unwrap() {
                let accused = evidence["validator"].as_str().unwrap();
                let is_honest = self
                    .honest
                    .iter()
                    .any(|honest| accused == format!("validator-{honest}"));
                assert!(
                    !is_honest,
                    "validator-{number} accuses one that is honest: {evidence}"
                );
            }
        }
    }
}

/// One of four tells this lie, first as a backup, then as the primary.
#[track_caller]
fn is_borne(lie: &str) {
    let mut attacked = Attacked::up(4, &[(PLACE, lie)]);
    attacked.pay("calm");
    attacked.lie();
    attacked.pay("while the liar follows");
    attacked.change_view();
    attacked.pay("while the liar leads, or has led");
    attacked.check();
}

/// Two of seven tell these lies.
#[track_caller]
fn two_are_borne(first: &str, second: &str) {
    let mut attacked = Attacked::up(7, &[(PLACE, first), (PLACE + 1, second)]);
    attacked.pay("calm");
    attacked.lie();
    attacked.pay("while the liars follow");
    attacked.change_view();
    attacked.pay("while the liars lead, or have led");
    attacked.check();
}

macro_rules! lies {
    ($($(#[$attribute:meta])* $name:ident: $lie:expr;)*) => {
        $($(#[$attribute])* #[test] fn $name() { is_borne($lie); })*
    };
}

lies! {
    one_that_says_nothing_is_borne: "silent";
    one_that_shows_its_proposals_to_one_alone_is_borne: "choosy:1";
    one_that_orders_a_trickle_of_its_own_is_borne: "trickle";
    one_that_is_late_by_nine_tenths_of_a_timer_is_borne: "late:90";
    one_that_proposes_nothing_is_borne: "empty";
    one_that_proposes_two_things_is_borne: "equivocator";
    one_that_keeps_its_seals_is_borne: "seal-hoarder";
    one_that_names_batches_and_shows_them_to_nobody_is_borne: "withheld";
    one_that_sends_junk_at_full_speed_is_borne: "flooder";
}

lies! {
    #[ignore = "long"]
    one_that_falls_silent_after_fast_votes_is_borne: "fades";
    #[ignore = "long"]
    one_that_speaks_to_half_is_borne: "half";
    #[ignore = "long"]
    one_that_shows_its_proposals_to_another_alone_is_borne: "choosy:4";
    #[ignore = "long"]
    one_that_shows_its_proposals_to_the_last_alone_is_borne: "choosy:8";
    #[ignore = "long"]
    one_that_leaves_out_the_first_is_borne: "choosy:12";
    #[ignore = "long"]
    one_that_leaves_out_another_is_borne: "choosy:9";
    #[ignore = "long"]
    one_that_leaves_out_the_last_is_borne: "choosy:5";
    #[ignore = "long"]
    one_that_shows_its_proposals_to_nobody_is_borne: "choosy:0";
    #[ignore = "long"]
    one_that_hides_behind_proposals_of_its_own_is_borne: "crowder";
    #[ignore = "long"]
    one_that_leaves_out_the_first_behind_proposals_of_its_own_is_borne: "crowder:0";
    #[ignore = "long"]
    one_that_is_late_by_a_tenth_of_a_timer_is_borne: "late:10";
    #[ignore = "long"]
    one_that_is_late_by_half_a_timer_is_borne: "late:50";
    #[ignore = "long"]
    one_that_votes_for_two_things_is_borne: "double-voter";
    #[ignore = "long"]
    one_that_seals_two_things_is_borne: "double-sealer";
    #[ignore = "long"]
    one_that_forges_view_changes_is_borne: "forger";
    #[ignore = "long"]
    one_that_begins_its_view_twice_is_borne: "two-views";
    #[ignore = "long"]
    one_that_serves_one_alone_with_what_it_alone_has_certified_is_borne: "seal-hoarder:3";
    #[ignore = "long"]
    one_that_hoards_view_changes_is_borne: "hoarder";
    #[ignore = "long"]
    one_that_repeats_view_changes_is_borne: "repeater";
    #[ignore = "long"]
    one_that_always_complains_is_borne: "complainer";
    #[ignore = "long"]
    one_that_shows_its_batches_to_one_is_borne: "shown-to-one";
    #[ignore = "long"]
    one_that_gives_nobody_what_is_missing_is_borne: "withholder";
    #[ignore = "long"]
    one_that_replays_statuses_and_inquiries_is_borne: "pesterer";
    #[ignore = "long"]
    one_that_replays_other_networks_and_epochs_is_borne: "replayer";
    #[ignore = "long"]
    one_that_alters_what_it_says_is_borne: "mutant";
    #[ignore = "long"]
    one_that_begins_views_by_itself_is_borne: "usurper";
    #[ignore = "long"]
    one_that_garbles_what_it_says_is_borne: "garbler";
    #[ignore = "long"]
    one_that_serves_blocks_slowly_is_borne: "slow-sync";
}

#[test]
#[ignore = "long"]
fn two_of_seven_that_choose_and_hoard_are_borne() {
    two_are_borne("choosy:1", "seal-hoarder");
}

#[test]
#[ignore = "long"]
fn two_of_seven_that_are_late_and_silent_are_borne() {
    two_are_borne("late:90", "silent");
}

#[test]
#[ignore = "long"]
fn two_of_seven_that_trickle_and_complain_are_borne() {
    two_are_borne("trickle", "complainer");
}
