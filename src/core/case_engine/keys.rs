//! What stands for the ids of cases and subjects wherever a book holds one for every case: 16 bytes each.

use crate::core::case::IdHash;

/// Stands for a case: the 16 bytes that its id spells, so that the keys are in the order of the ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseKey([u8; 16]);

impl CaseKey {
    /// The key of a case id. That of one which is not `c-` + 32 hex digits, as nobody gives out, is a digest.
    pub fn of(case_id: &str) -> Self {
        let mut spelt = [0; 16];
        let digits = case_id.strip_prefix("c-").filter(|digits| !digits.bytes().any(|b| b.is_ascii_uppercase()));
        match digits.map(|digits| hex::decode_to_slice(digits, &mut spelt)) {
            Some(Ok(())) => CaseKey(spelt),
            _ => CaseKey(IdHash::of(&["case", case_id]).to_bytes()),
        }
    }
}

/// Stands for a subject: a digest of its id. That two share one is as unlikely as that two cases share an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectKey([u8; 16]);

impl SubjectKey {
    /// The key of a subject id.
    pub fn of(subject_id: &str) -> Self {
        SubjectKey(IdHash::of(&["subject", subject_id]).to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_the_ids_and_tell_odd_ids_apart() {
        let id = |digits: &str| format!("c-{digits:0<32}");
        let mut ids = [id("0f"), id("f0"), id("9"), id("a"), id("00ff"), id("")];
        ids.sort();
        assert!(ids.map(|id| CaseKey::of(&id)).is_sorted());
        let odd = [id("A"), id("a"), "c-a".to_owned(), "c-".to_owned(), String::new(), "d-a".to_owned()];
        for (n, one) in odd.iter().enumerate() {
            for other in odd.iter().skip(n + 1) {
                assert_ne!(CaseKey::of(one), CaseKey::of(other));
            }
        }
        assert_ne!(SubjectKey::of("r-1"), SubjectKey::of("r-1/m1"));
    }
}
