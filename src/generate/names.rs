//! Names of nobody: a common surname and one or two common given-name characters, paired by chance.

use super::dice::{mixed, pick};

const SURNAMES: [&str; 48] = [
    "王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "郭", "何", "高", "林",
    "罗", "郑", "梁", "谢", "宋", "唐", "许", "韩", "冯", "邓", "曹", "彭", "曾", "肖", "田", "董", "潘", "袁", "蔡",
    "蒋", "余", "于", "杜", "叶", "程", "魏", "苏", "吕", "应",
];

const GIVEN: [&str; 48] = [
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超", "兰", "霞",
    "平", "刚", "桂", "英", "华", "玉", "萍", "红", "文", "辉", "建", "国", "春", "梅", "海", "燕", "云", "峰", "志",
    "凤", "林", "晓", "东", "宁", "佳", "欣", "雨", "晨", "浩",
];

/// The name that belongs to a number of a seed; three in four have two given characters.
pub(super) fn name(seed: u64, n: u64) -> String {
    let bits = mixed(seed ^ 0x6e61_6d65, n);
    let mut out = String::with_capacity(9);
    out.push_str(pick(&SURNAMES, bits as u32));
    out.push_str(pick(&GIVEN, (bits >> 32) as u32));
    let more = mixed(bits, n) as u32;
    if more & 3 != 0 {
        out.push_str(pick(&GIVEN, more));
    }
    out
}

/// A name as banks show it: the surname and a star.
pub(super) fn masked(name: &str) -> String {
    let mut out: String = name.chars().take(1).collect();
    out.push('*');
    out
}
