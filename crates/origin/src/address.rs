//! Which network addresses are not the public internet, and what they are called.
//!
//! Only a table over addresses: who may be let past it all the same is decided in [`crate::guard`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Azure's host agent answers machines of its cloud at this otherwise public address.
const AZURE_METADATA: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

/// Blocks of IPv4 that never lead to a public service: IANA's special-purpose registry, multicast and class E.
const IPV4_BLOCKS: [(Ipv4Addr, u8, &str); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, "an unspecified address"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "a private address"),
    (
        Ipv4Addr::new(100, 64, 0, 0),
        10,
        "an address of carrier-grade NAT",
    ),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "a loopback address"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "a link-local address"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "a private address"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "a reserved address"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "a documentation address"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "a 6to4 relay address"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "a private address"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "a benchmarking address"),
    (
        Ipv4Addr::new(198, 51, 100, 0),
        24,
        "a documentation address",
    ),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "a documentation address"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "a multicast address"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "a reserved address"),
    (AZURE_METADATA, 32, "a cloud's metadata address"),
];

/// Blocks of IPv6 with a name of their own. What lies outside `2000::/3` is refused even without one.
const IPV6_BLOCKS: [(Ipv6Addr, u8, &str); 15] = [
    (Ipv6Addr::UNSPECIFIED, 128, "an unspecified address"),
    (Ipv6Addr::LOCALHOST, 128, "a loopback address"),
    (
        Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0),
        96,
        "an IPv4-mapped address",
    ),
    (Ipv6Addr::UNSPECIFIED, 96, "an IPv4-compatible address"),
    (
        Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0),
        48,
        "a local NAT64 address",
    ),
    (
        Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0),
        64,
        "a discard address",
    ),
    (
        Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0),
        23,
        "a protocol-assignment (Teredo, ORCHID) address",
    ),
    (
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0),
        32,
        "a documentation address",
    ),
    (
        Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0),
        16,
        "a 6to4 address",
    ),
    (
        Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0),
        20,
        "a documentation address",
    ),
    (
        Ipv6Addr::new(0x5f00, 0, 0, 0, 0, 0, 0, 0),
        16,
        "a segment-routing address",
    ),
    (
        Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0),
        7,
        "a unique local address",
    ),
    (
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0),
        10,
        "a link-local address",
    ),
    (
        Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0),
        10,
        "a site-local address",
    ),
    (
        Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0),
        8,
        "a multicast address",
    ),
];

/// The well-known NAT64 prefix. Networks without IPv4 reach every IPv4 host through it, so the address inside decides.
const NAT64: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);

/// Gives the kind of an address that is not the public internet, `None` for a public one.
///
/// The text fits after "is at". Cost: one walk over some thirty blocks.
pub fn find_special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => find_special_v4(address),
        IpAddr::V6(address) => find_special_v6(address),
    }
}

/// Whether `address` lies in the block `network/prefix`. Both families: an IPv4 address is never in an IPv6 block.
pub fn is_within(address: IpAddr, network: IpAddr, prefix: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => is_within_v4(address, network, prefix),
        (IpAddr::V6(address), IpAddr::V6(network)) => is_within_v6(address, network, prefix),
        _ => false,
    }
}

fn find_special_v4(address: Ipv4Addr) -> Option<&'static str> {
    IPV4_BLOCKS
        .iter()
        .find(|(network, prefix, _)| is_within_v4(address, *network, *prefix))
        .map(|(_, _, kind)| *kind)
}

fn find_special_v6(address: Ipv6Addr) -> Option<&'static str> {
    if is_within_v6(address, NAT64, 96) {
        let [.., a, b, c, d] = address.octets();
        return find_special_v4(Ipv4Addr::new(a, b, c, d));
    }
    let named = IPV6_BLOCKS
        .iter()
        .find(|(network, prefix, _)| is_within_v6(address, *network, *prefix))
        .map(|(_, _, kind)| *kind);
    let is_global_unicast = is_within_v6(address, Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
    named.or((!is_global_unicast).then_some("a reserved address"))
}

fn is_within_v4(address: Ipv4Addr, network: Ipv4Addr, prefix: u8) -> bool {
    let shift = 32 - u32::from(prefix.min(32));
    let high = |bits: u32| bits.checked_shr(shift).unwrap_or(0);
    high(address.to_bits()) == high(network.to_bits())
}

fn is_within_v6(address: Ipv6Addr, network: Ipv6Addr, prefix: u8) -> bool {
    let shift = 128 - u32::from(prefix.min(128));
    let high = |bits: u128| bits.checked_shr(shift).unwrap_or(0);
    high(address.to_bits()) == high(network.to_bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_special(address: &str, want: &str) {
        let found = find_special(address.parse().unwrap()).unwrap_or("public");
        assert!(found.contains(want), "{address}: {found}, wanted {want}");
    }

    #[test]
    fn public_addresses_pass() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "64:ff9b::808:808",
        ] {
            check_special(address, "public");
        }
    }

    #[test]
    fn private_addresses_are_named() {
        for (address, kind) in [
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "unspecified"),
            ("10.0.0.1", "private"),
            ("100.64.0.1", "carrier"),
            ("100.100.100.200", "carrier"),
            ("127.0.0.1", "loopback"),
            ("127.255.255.255", "loopback"),
            ("169.254.169.254", "link-local"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.168.0.1", "private"),
            ("192.0.0.170", "reserved"),
            ("198.18.0.1", "benchmarking"),
            ("198.19.255.255", "benchmarking"),
            ("224.0.0.1", "multicast"),
            ("239.1.1.1", "multicast"),
            ("255.255.255.255", "reserved"),
            ("168.63.129.16", "metadata"),
        ] {
            check_special(address, kind);
        }
    }

    #[test]
    fn forms_of_ipv6_that_hide_ipv4_are_named() {
        for (address, kind) in [
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::ffff:127.0.0.1", "mapped"),
            ("::ffff:8.8.8.8", "mapped"),
            ("::7f00:1", "compatible"),
            ("64:ff9b::7f00:1", "loopback"),
            ("64:ff9b::a9fe:a9fe", "link-local"),
            ("64:ff9b:1::a00:1", "NAT64"),
            ("2002:7f00:1::", "6to4"),
            ("2001:0:1::1", "Teredo"),
            ("fc00::1", "unique local"),
            ("fd00:ec2::254", "unique local"),
            ("fe80::1", "link-local"),
            ("fec0::1", "site-local"),
            ("ff02::1", "multicast"),
            ("2001:db8::1", "documentation"),
            ("100::1", "discard"),
            ("4000::1", "reserved"),
        ] {
            check_special(address, kind);
        }
    }

    #[test]
    fn blocks_of_any_length_match() {
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(is_within(at("8.8.8.8"), at("0.0.0.0"), 0));
        assert!(is_within(at("10.1.2.3"), at("10.1.2.3"), 32));
        assert!(!is_within(at("10.1.2.4"), at("10.1.2.3"), 32));
        assert!(is_within(at("fd00::1"), at("::"), 0));
        assert!(!is_within(at("10.1.2.3"), at("::"), 0));
    }
}
