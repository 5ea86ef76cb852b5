//! The shipped message templates.
#![allow(dead_code, reason = "each test that includes this uses a part of it")]

use golden_bell::core::message::Templates;

/// Their files: names and texts.
pub fn message_files() -> Vec<(String, String)> {
    let file = |name: &str, text: &str| (format!("config/messages/{name}"), text.to_owned());
    vec![
        file("zh-cmn.toml", include_str!("../../config/messages/zh-cmn.toml")),
        file("zh-yongkang.toml", include_str!("../../config/messages/zh-yongkang.toml")),
        file("en.toml", include_str!("../../config/messages/en.toml")),
    ]
}

pub fn templates() -> Templates {
    Templates::load(&message_files()).expect("the shipped templates")
}
