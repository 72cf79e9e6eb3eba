//! Sets the switch that lets tests break rules on purpose.

fn main() {
    println!("cargo::rerun-if-changed=../build.rs");
    println!("cargo::rustc-cfg=broken_rules");
}
