// SPDX-License-Identifier: Apache-2.0
#include "broker/journal_records.hpp"

#include "wire/cursor.hpp"

namespace cb::broker {
namespace {

/// One list of fields serves both directions: `archive` writes what it is given, or reads into it.
class writing {
public:
    void field(const std::string& v) {
        out_.uvarint(static_cast<std::uint32_t>(v.size()));
        out_.string_bytes(v);
    }
    void field(const wire::slice& v) {
        out_.uvarint(static_cast<std::uint32_t>(v.size()));
        out_.bytes(v.view());
    }
    void field(std::int16_t v) { out_.i16(v); }
    void field(std::int32_t v) { out_.i32(v); }
    void field(std::int64_t v) { out_.i64(v); }
    void field(const protocol::uuid& v) { out_.bytes(v.bytes); }
    void field(nanoseconds v) { out_.i64(v.count()); }
    void field(transaction_state v) { out_.u8(static_cast<std::uint8_t>(v)); }
    std::uint32_t count(std::size_t v) {
        out_.uvarint(static_cast<std::uint32_t>(v));
        return static_cast<std::uint32_t>(v);
    }
    bool present(bool v) {
        out_.boolean(v);
        return v;
    }
    wire::writer& out() { return out_; }

private:
    wire::writer out_;
};

class reading {
public:
    explicit reading(wire::bytes_view bytes) : in_(bytes) {}
    void field(std::string& v) {
        const auto size = in_.uvarint();
        v = wire::as_text(in_.bytes(size));
    }
    void field(wire::slice& v) { v = in_.take_slice(in_.uvarint()); }
    void field(std::int16_t& v) { v = in_.i16(); }
    void field(std::int32_t& v) { v = in_.i32(); }
    void field(std::int64_t& v) { v = in_.i64(); }
    void field(protocol::uuid& v) {
        const auto bytes = in_.bytes(v.bytes.size());
        std::copy(bytes.begin(), bytes.end(), v.bytes.begin());
    }
    void field(nanoseconds& v) { v = nanoseconds(in_.i64()); }
    void field(transaction_state& v) {
        const auto raw = in_.u8();
        if (raw > static_cast<std::uint8_t>(transaction_state::prepare_abort)) {
            in_.fail("unknown state of a transaction");
        }
        v = static_cast<transaction_state>(raw);
    }
    std::uint32_t count(std::size_t /*known when writing*/) {
        const auto v = in_.uvarint();
        if (v > in_.remaining()) {
            in_.fail("more elements than bytes");
            return 0;
        }
        return v;
    }
    bool present(bool /*known when writing*/) { return in_.boolean(); }
    wire::reader& in() { return in_; }

private:
    wire::reader in_;
};

template <class Archive, class T>
void field(Archive& a, T& v);

template <class Archive, class T>
void optional_field(Archive& a, T& v) {
    if (a.present(v.has_value())) {
        if constexpr (std::is_same_v<Archive, reading>) {
            v.emplace();
        }
        field(a, *v);
    }
}

template <class Archive, class T>
void list(Archive& a, T& v) {
    const auto count = a.count(v.size());
    if constexpr (std::is_same_v<Archive, reading>) {
        for (std::uint32_t i = 0; i < count && a.in().ok(); ++i) {
            typename T::value_type each{};
            field(a, each);
            v.insert(v.end(), std::move(each));
        }
    } else {
        for (const auto& each : v) {
            field(a, each);
        }
    }
}

template <class Archive, class T>
void fields_of(Archive& a, T& v) {
    using type = std::remove_const_t<T>;
    if constexpr (std::is_same_v<type, topic_partition>) {
        a.field(v.topic);
        a.field(v.partition);
    } else if constexpr (std::is_same_v<type, committed_offset>) {
        a.field(v.offset);
        a.field(v.leader_epoch);
        a.field(v.metadata);
        a.field(v.committed_at_ms);
    } else if constexpr (std::is_same_v<type, producer_identity>) {
        a.field(v.id);
        a.field(v.epoch);
    } else if constexpr (std::is_same_v<type, group_protocol>) {
        a.field(v.name);
        a.field(v.metadata);
    } else if constexpr (std::is_same_v<type, lasting_group::member>) {
        a.field(v.id);
        optional_field(a, v.instance_id);
        a.field(v.client_id);
        a.field(v.client_host);
        a.field(v.session_timeout);
        a.field(v.rebalance_timeout);
        list(a, v.protocols);
        a.field(v.assignment);
    } else if constexpr (std::is_same_v<type, lasting_group>) {
        a.field(v.generation);
        optional_field(a, v.protocol_type);
        optional_field(a, v.protocol_name);
        a.field(v.leader);
        list(a, v.members);
    } else if constexpr (std::is_same_v<type, transaction>) {
        a.field(v.transactional_id);
        field(a, v.producer);
        field(a, v.previous);
        field(a, v.ending_as);
        a.field(v.state);
        a.field(v.timeout);
        a.field(v.started_at_ms);
        list(a, v.partitions);
        list(a, v.groups);
    } else if constexpr (std::is_same_v<type, cluster_record>) {
        a.field(v.cluster_id);
    } else if constexpr (std::is_same_v<type, topic_record>) {
        a.field(v.name);
        a.field(v.id);
        a.field(v.partitions);
        const auto count = a.count(v.overrides.size());
        if constexpr (std::is_same_v<Archive, reading>) {
            for (std::uint32_t i = 0; i < count && a.in().ok(); ++i) {
                std::string name;
                a.field(name);
                a.field(v.overrides[name]);
            }
        } else {
            for (const auto& [name, value] : v.overrides) {
                a.field(name);
                a.field(value);
            }
        }
    } else if constexpr (std::is_same_v<type, topic_removed_record>) {
        a.field(v.id);
    } else if constexpr (std::is_same_v<type, log_start_record>) {
        a.field(v.id);
        a.field(v.partition);
        a.field(v.offset);
    } else if constexpr (std::is_same_v<type, offset_record>) {
        a.field(v.group);
        field(a, v.where);
        optional_field(a, v.producer_id);
        optional_field(a, v.what);
    } else if constexpr (std::is_same_v<type, pending_ended_record>) {
        a.field(v.group);
        a.field(v.producer_id);
    } else if constexpr (std::is_same_v<type, group_record>) {
        a.field(v.group);
        field(a, v.what);
    } else if constexpr (std::is_same_v<type, group_removed_record>) {
        a.field(v.group);
    } else if constexpr (std::is_same_v<type, transaction_record>) {
        field(a, v.what);
    } else if constexpr (std::is_same_v<type, producer_ids_record>) {
        a.field(v.next);
    } else {
        a.field(v); // a text or a number
    }
}

template <class Archive, class T>
void field(Archive& a, T& v) {
    fields_of(a, v);
}

template <std::size_t Index = 0>
result<journal_record> decode_kind(std::size_t kind, reading& from) {
    if constexpr (Index == std::variant_size_v<journal_record>) {
        return fail(errc::unsupported, "record of kind " + std::to_string(kind) + ": written by a later version");
    } else {
        if (kind != Index) {
            return decode_kind<Index + 1>(kind, from);
        }
        std::variant_alternative_t<Index, journal_record> made;
        fields_of(from, made);
        if (!from.in().ok()) {
            return tl::unexpected(from.in().error());
        }
        return journal_record(std::move(made));
    }
}

} // namespace

bool transaction_record::operator==(const transaction_record& other) const {
    return encode(journal_record(*this)) == encode(journal_record(other));
}

std::vector<std::byte> encode(const journal_record& what) {
    writing out;
    out.out().u8(static_cast<std::uint8_t>(what.index()));
    std::visit([&](const auto& each) { fields_of(out, each); }, what);
    const auto bytes = out.out().take().flatten();
    return {bytes.view().begin(), bytes.view().end()};
}

result<journal_record> decode_journal_record(wire::bytes_view bytes) {
    reading from(bytes);
    const auto kind = from.in().u8();
    return decode_kind(kind, from);
}

} // namespace cb::broker
