//! Which addresses may be spoken to, and how values are written into a URL.
//!
//! Whoever can write a destination, or the name it resolves to, could otherwise make this process speak to the inside
//! of the network it runs in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hyper::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but what RFC 3986 leaves unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A value as it stands in a query or a form, or as one segment of a path.
pub fn query_value(value: &str) -> String {
    utf8_percent_encode(value, RESERVED).to_string()
}

/// That a URL is one of HTTP, names a host and no user, and is not private by its own words.
///
/// # Errors
/// What is wrong with it; never the URL itself, which may hold a secret.
pub fn check_url(url: &str, allow_private: bool) -> Result<(), String> {
    let uri: Uri = url.parse().map_err(|_| "is no URL".to_owned())?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("must begin with http:// or https://".to_owned());
    }
    let host = uri.host().filter(|host| !host.is_empty()).ok_or("names no host")?;
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("may hold no user and password; use a token or headers".to_owned());
    }
    if !allow_private && literal(host).is_some_and(is_private) {
        return Err("is a private address; allow_private = \"on\" lets it be one".to_owned());
    }
    Ok(())
}

/// The address of a host that is written as one.
pub fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Whether an address belongs to this host, a private network, or anything else that is not the open Internet.
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        // Carriers' own, IETF's own, benchmarks, reserved and broadcast.
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b))
        || a >= 240
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = embedded_v4(address) {
        return is_private_v4(inner);
    }
    let [first, second, ..] = address.segments();
    address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        // Unique local, link local, site local, documentation, Teredo.
        || first & 0xfe00 == 0xfc00
        || first & 0xffc0 == 0xfe80
        || first & 0xffc0 == 0xfec0
        || (first == 0x2001 && matches!(second, 0 | 0xdb8))
}

/// The address of version 4 that one of version 6 leads to: mapped, compatible, NAT64, 6to4.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match (s0, s1) {
        (0, 0) if (s2, s3, s4) == (0, 0, 0) && (s5 == 0xffff || (s5 == 0 && s6 != 0)) => Some(v4(s6, s7)),
        (0x64, 0xff9b) => Some(v4(s6, s7)),
        (0x2002, _) => Some(v4(s1, s2)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_known_in_every_guise() {
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.2.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "fec0::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
        ] {
            assert!(is_private(address.parse().unwrap()), "{address}");
        }
        for address in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2400:3200::1", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            assert!(!is_private(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_url_is_checked_without_being_shown() {
        assert_eq!(check_url("https://example.org/hook", false), Ok(()));
        assert_eq!(check_url("http://127.0.0.1:9093", true), Ok(()));
        for (url, reason) in [
            ("ftp://example.org/s3cret", "must begin with"),
            ("https://user:s3cret@example.org", "may hold no user"),
            ("http://127.0.0.1/s3cret", "is a private address"),
            ("http://[::1]/s3cret", "is a private address"),
            ("s3cret", "must begin with"),
            ("https://exa mple/s3cret", "is no URL"),
        ] {
            let error = check_url(url, false).unwrap_err();
            assert!(error.starts_with(reason) && !error.contains("s3cret"), "{url}: {error}");
        }
    }
}
