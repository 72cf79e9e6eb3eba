//! Nodes on loopback with ports that the system chooses, real TCP and Noise between them.

mod common;
mod discovery;
mod hostile;
mod links;
mod pressure;
mod requests;
