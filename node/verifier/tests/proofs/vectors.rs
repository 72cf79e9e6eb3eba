//! Every vector has the verdict that its making implies, and the one that the verifier in Python has, with the same
//! facts.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::judge::{Judge, text};
use crate::python::{Vectors, is_long};

/// What each vector whose facts others refer to has established, by name.
type Established = BTreeMap<String, Value>;

/// True if `found` has all that is wanted; lists have equal lengths.
fn contains(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            let mut wanted = wanted.iter();
            wanted.all(|(name, value)| found.get(name).is_some_and(|found| contains(found, value)))
        }
        (Value::Array(found), Value::Array(wanted)) => {
            let mut pairs = found.iter().zip(wanted);
            found.len() == wanted.len() && pairs.all(|(found, wanted)| contains(found, wanted))
        }
        (found, wanted) => found == wanted,
    }
}

fn is_refused(answer: &Value) -> bool {
    answer["verdict"] == "refused"
}

/// Why an answer is not what the vector expects.
fn fault(vector: &Value, answer: &Value, established: &Established) -> Option<String> {
    let expect = &vector["expect"];
    let agrees = match text(expect, "verdict") {
        "either" => true,
        "accepted" => !is_refused(answer),
        "refused or not whole" => is_refused(answer) || answer["whole"] == false,
        wanted => answer["verdict"] == wanted,
    };
    if !agrees {
        return Some(format!("expected {}", expect["verdict"]));
    }
    if is_refused(answer) && expect["code"].is_string() && expect["code"] != answer["code"] {
        return Some(format!("expected the code {}", expect["code"]));
    }
    if let (true, Some(reason)) = (is_refused(answer), expect["reason"].as_str()) {
        // Whether what a decoder refuses has its field's reason is not fixed.
        let found = answer["reason"].as_str().unwrap_or_default();
        if !found.starts_with(reason) && !found.starts_with("encoding") {
            return Some(format!("expected the reason {reason}"));
        }
    }
    if expect["whole"].is_boolean() && expect["whole"] != answer["whole"] {
        return Some(format!("expected whole {}", expect["whole"]));
    }
    for name in ["id", "network"] {
        if answer["verdict"] == "good" && vector[name].is_string() && vector[name] != answer[name] {
            return Some(format!("expected the {name} {}", vector[name]));
        }
    }
    if !expect["facts"].is_null() && !contains(&answer["facts"], &expect["facts"]) {
        return Some(format!("expected the facts {}", expect["facts"]));
    }
    match expect["same_facts_as"].as_str() {
        Some(name) if established.get(name) != Some(&answer["facts"]) => {
            Some(format!("other facts than those of {name}"))
        }
        _ => None,
    }
}

/// Why an answer is not that of the verifier in Python.
fn difference(vector: &Value, answer: &Value, python: &Value) -> Option<String> {
    if is_refused(answer) != is_refused(python) {
        return Some(format!("Python answers {python}"));
    }
    let same = match text(vector, "kind") {
        // Verdict, question, head and facts.
        "proof-file" => is_refused(answer) || answer == python,
        _ => answer["verdict"] == python["verdict"] && answer["whole"] == python["whole"],
    };
    (!same).then(|| format!("Python answers {python}"))
}

#[test]
fn the_verifier_agrees_with_every_vector() {
    let made = Vectors::make("vectors", 1, if is_long() { 300 } else { 20 });
    assert!(
        made.vectors.len() > 2_000,
        "only {} vectors were made",
        made.vectors.len()
    );
    assert_eq!(made.vectors.len(), made.answers.len());
    let mut judge = Judge::new(&made.header);
    let mut established = Established::new();
    let (mut faults, mut left_out) = (Vec::new(), 0);
    for (vector, python) in made.vectors.iter().zip(&made.answers) {
        let Some(answer) = judge.answer(vector) else {
            // Validators' signatures over bytes without a tag: no function here judges these.
            assert_eq!(
                (text(vector, "kind"), text(vector, "mode")),
                ("signature", "strict")
            );
            left_out += 1;
            continue;
        };
        let wrong = fault(vector, &answer, &established).or_else(|| difference(vector, &answer, python));
        if let Some(wrong) = wrong {
            let found = answer.to_string().chars().take(600).collect::<String>();
            faults.push(format!(
                "{} ({}): {wrong:.600}, found {found}",
                vector["name"], vector["rule"]
            ));
        }
        if !answer["facts"].is_null() {
            established.insert(text(vector, "name").to_owned(), answer["facts"].clone());
        }
    }
    assert!(left_out < 60, "{left_out} vectors were left out");
    assert!(
        faults.is_empty(),
        "{} vectors differ:\n{}",
        faults.len(),
        faults[..faults.len().min(40)].join("\n")
    );
}
