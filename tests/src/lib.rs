//! Clusters of real processes, driven through the command line, HTTP and a browser. Everything is in the
//! test target `clusters`.
