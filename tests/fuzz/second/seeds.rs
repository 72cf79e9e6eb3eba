//! Writes the corpus that each target begins with: `seeds FOLDER`.

use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).expect("the folder is named");
    for decoder in quorate_tests::second::DECODERS {
        let corpus = std::path::Path::new(&folder).join(decoder.name);
        fs::create_dir_all(&corpus)?;
        for (number, seed) in (decoder.seeds)().into_iter().enumerate() {
            fs::write(corpus.join(format!("seed-{number}")), seed)?;
        }
    }
    Ok(())
}
