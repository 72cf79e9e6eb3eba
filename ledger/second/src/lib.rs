//! What is agreed on: transactions, batches, proposals, blocks, and what executing them means.
//! No disk, no network, no clock. Formats are those of `docs/formats-2.md`.
