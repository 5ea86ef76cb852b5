//! Batches that a broker takes in and no client of librdkafka can read.
//!
//! A broker decompresses what it is sent and refuses what it cannot. But Java's reader of LZ4 frames skips the checksum
//! over the content, which the C library holds the content against: a frame that is right but for that one gets in.

use std::io::{Read, Write};
use std::net::TcpStream;

/// Sends a batch of this many records whose content checksum is wrong; the offset it begins at.
pub fn send(bootstrap: &str, topic: &str, partition: i32, records: i32) -> i64 {
    let request = produce(topic, partition, &batch(records));
    let mut stream = TcpStream::connect(bootstrap).expect("a connection");
    stream.write_all(&(request.len() as i32).to_be_bytes()).expect("a request");
    stream.write_all(&request).expect("a request");
    let mut size = [0; 4];
    stream.read_exact(&mut size).expect("an answer");
    let mut answer = vec![0; i32::from_be_bytes(size) as usize];
    stream.read_exact(&mut answer).expect("an answer");
    // Correlation id, one topic by name, one partition, its index; then error code and base offset.
    let at = 4 + 4 + 2 + topic.len() + 4 + 4;
    let error = i16::from_be_bytes(answer[at..at + 2].try_into().expect("two bytes"));
    assert_eq!(error, 0, "the broker refuses the batch");
    i64::from_be_bytes(answer[at + 2..at + 10].try_into().expect("eight bytes"))
}

/// A Produce request of version 3, of one batch.
fn produce(topic: &str, partition: i32, batch: &[u8]) -> Vec<u8> {
    let mut request = Vec::new();
    request.extend(0_i16.to_be_bytes());
    request.extend(3_i16.to_be_bytes());
    request.extend(1_i32.to_be_bytes());
    text(&mut request, "spoiler");
    request.extend((-1_i16).to_be_bytes()); // no transaction
    request.extend((-1_i16).to_be_bytes()); // all in-sync replicas
    request.extend(10_000_i32.to_be_bytes());
    request.extend(1_i32.to_be_bytes());
    text(&mut request, topic);
    request.extend(1_i32.to_be_bytes());
    request.extend(partition.to_be_bytes());
    request.extend((batch.len() as i32).to_be_bytes());
    request.extend(batch);
    request
}

fn text(request: &mut Vec<u8>, text: &str) {
    request.extend((text.len() as i16).to_be_bytes());
    request.extend(text.as_bytes());
}

/// A record batch of version 2.
fn batch(records: i32) -> Vec<u8> {
    let mut content = Vec::new();
    for n in 0..records {
        // Attributes, time, offset, a null key, an empty object, no headers.
        let mut record = vec![0, 0];
        varint(&mut record, n);
        varint(&mut record, -1);
        varint(&mut record, 2);
        record.extend(b"{}");
        varint(&mut record, 0);
        varint(&mut content, record.len() as i32);
        content.extend(record);
    }
    let now = std::time::UNIX_EPOCH.elapsed().expect("a time").as_millis() as i64;
    let mut checked = Vec::new();
    checked.extend(3_i16.to_be_bytes()); // LZ4
    checked.extend((records - 1).to_be_bytes());
    checked.extend(now.to_be_bytes());
    checked.extend(now.to_be_bytes());
    checked.extend((-1_i64).to_be_bytes());
    checked.extend((-1_i16).to_be_bytes());
    checked.extend((-1_i32).to_be_bytes());
    checked.extend(records.to_be_bytes());
    checked.extend(frame(&content));

    let mut batch = Vec::new();
    batch.extend(0_i64.to_be_bytes());
    batch.extend((checked.len() as i32 + 9).to_be_bytes());
    batch.extend((-1_i32).to_be_bytes());
    batch.push(2);
    batch.extend(crc32c(&checked).to_be_bytes());
    batch.extend(checked);
    batch
}

/// An LZ4 frame of one block that is not compressed, with a checksum over the content that is wrong.
fn frame(content: &[u8]) -> Vec<u8> {
    assert!(content.len() <= 65_536, "one block");
    let mut frame = vec![0x04, 0x22, 0x4d, 0x18, 0x64, 0x40, 0xa7];
    frame.extend((content.len() as u32 | 0x8000_0000).to_le_bytes());
    frame.extend(content);
    frame.extend(0_u32.to_le_bytes());
    frame.extend(0xdead_beef_u32.to_le_bytes());
    frame
}

fn varint(bytes: &mut Vec<u8>, value: i32) {
    let mut left = ((value << 1) ^ (value >> 31)) as u32;
    while left >= 0x80 {
        bytes.push(left as u8 | 0x80);
        left >>= 7;
    }
    bytes.push(left as u8);
}

/// CRC-32C (Castagnoli), as Kafka has it.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 })
    })
}
