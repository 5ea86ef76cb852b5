//! The version of a directory is a hash of all its files, and of nothing else.

use std::collections::BTreeSet;

use crate::zone::{AREAS, HOLIDAYS, PEOPLE, files, load};

#[test]
fn every_file_counts_and_others_do_not() {
    let rosters = "[[rosters]]\nid = \"r\"\nareas = [\"z\"]\ncalendar = \"c.ics\"\n";
    let calendar = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260101T080000\r\nDURATION:PT1H\r\nSUMMARY:a\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let all = [("people.toml", PEOPLE), ("holidays.toml", HOLIDAYS), ("rosters.toml", rosters), ("c.ics", calendar)];
    let version = load(&all).version().to_owned();
    assert_eq!(version.len(), 16);
    assert_eq!(load(&all).version(), version, "the same files, the same version");
    assert_eq!(files(&all).version(), version, "the files alone tell it");

    let mut versions = BTreeSet::from([version.clone()]);
    for changed in 0..all.len() {
        let mut texts = all.map(|(name, text)| (name, text.to_owned()));
        texts[changed].1 = if texts[changed].0 == "c.ics" {
            texts[changed].1.replace("UID:1", "UID:2")
        } else {
            format!("{}\n# changed\n", texts[changed].1)
        };
        let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
        assert!(versions.insert(load(&texts).version().to_owned()), "{}", texts[changed].0);
    }
    let areas = format!("{AREAS}# changed\n");
    assert!(versions.insert(load(&[&all[..], &[("areas.toml", areas.as_str())]].concat()).version().to_owned()));
    assert!(versions.insert(load(&all[..1]).version().to_owned()), "a file that is missing");
    assert_eq!(load(&[&all[..], &[("README.md", "x")]].concat()).version(), version);
}
