// SPDX-License-Identifier: Apache-2.0
#include "wire/compression.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include "wire/cursor.hpp"

namespace cb::wire {
namespace {

using buffer = std::vector<std::byte>;
constexpr std::size_t step_bytes = std::size_t{64} * 1024;

tl::unexpected<error> broken(codec kind) {
    return fail(errc::malformed, std::string(to_string(kind)) + " data is damaged");
}
tl::unexpected<error> too_large(std::size_t bytes_max) {
    return fail(errc::limit, "decompressed data passes " + std::to_string(bytes_max) + " bytes");
}

unsigned char* raw(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }
const unsigned char* raw(const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }
char* text(std::byte* bytes) { return reinterpret_cast<char*>(bytes); }
const char* text(const std::byte* bytes) { return reinterpret_cast<const char*>(bytes); }

/// Makes room behind the `used` bytes of `out`; false past the limit. One byte above the limit is room for decoders to
/// see their end mark when the plain form fits exactly.
bool grow(buffer& out, std::size_t used, std::size_t bytes_max) {
    if (used > bytes_max) {
        return false;
    }
    if (used == out.size()) {
        out.resize(std::min(bytes_max + 1, std::max(step_bytes, out.size() * 2)));
    }
    return true;
}

result<buffer> ended(buffer out, std::size_t used, std::size_t bytes_max) {
    if (used > bytes_max) {
        return too_large(bytes_max);
    }
    out.resize(used);
    return out;
}

// --- gzip --------------------------------------------------------------------------------------------------------
constexpr int gzip_window_bits = 15 + 16;

result<buffer> gzip_compress(bytes_view plain) {
    z_stream stream{};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return fail(errc::limit, "gzip cannot start");
    }
    const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, deflateEnd);
    buffer out(deflateBound(&stream, plain.size()) + 32);
    stream.next_in = const_cast<unsigned char*>(raw(plain.data()));
    stream.avail_in = static_cast<uInt>(plain.size());
    stream.next_out = raw(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END) {
        return fail(errc::limit, "gzip did not end");
    }
    out.resize(stream.total_out);
    return out;
}

result<buffer> gzip_decompress(bytes_view packed, std::size_t bytes_max) {
    z_stream stream{};
    if (inflateInit2(&stream, gzip_window_bits) != Z_OK) {
        return fail(errc::limit, "gzip cannot start");
    }
    const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
    buffer out;
    std::size_t used = 0;
    stream.next_in = const_cast<unsigned char*>(raw(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    for (;;) {
        if (!grow(out, used, bytes_max)) {
            return too_large(bytes_max);
        }
        stream.next_out = raw(out.data() + used);
        stream.avail_out = static_cast<uInt>(out.size() - used);
        const int answer = inflate(&stream, Z_NO_FLUSH);
        used = out.size() - stream.avail_out;
        if (answer == Z_STREAM_END) {
            break;
        }
        const bool starved = answer == Z_BUF_ERROR || (answer == Z_OK && stream.avail_in == 0 && stream.avail_out != 0);
        if (answer != Z_OK || starved) {
            return broken(codec::gzip);
        }
    }
    return ended(std::move(out), used, bytes_max);
}

// --- snappy ------------------------------------------------------------------------------------------------------
// The Java client frames it: an eight-byte mark, two version numbers, then blocks of a length and raw snappy each.
constexpr std::array<unsigned char, 8> snappy_mark{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
constexpr std::size_t snappy_block_bytes = std::size_t{32} * 1024;

bool has_snappy_mark(bytes_view packed) {
    return packed.size() >= 16 && equal(packed.first(8), std::as_bytes(std::span(snappy_mark)));
}

result<buffer> snappy_compress(bytes_view plain) {
    writer out;
    out.bytes(std::as_bytes(std::span(snappy_mark)));
    out.i32(1);
    out.i32(1);
    buffer block(snappy::MaxCompressedLength(snappy_block_bytes));
    while (!plain.empty()) {
        const auto count = std::min(plain.size(), snappy_block_bytes);
        std::size_t size = 0;
        snappy::RawCompress(text(plain.data()), count, text(block.data()), &size);
        out.i32(static_cast<std::int32_t>(size));
        out.bytes(bytes_view(block).first(size));
        plain = plain.subspan(count);
    }
    const auto bytes = out.take().flatten();
    return buffer(bytes.view().begin(), bytes.view().end());
}

result<void> snappy_block(bytes_view packed, std::size_t bytes_max, buffer& out) {
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(text(packed.data()), packed.size(), &size)) {
        return broken(codec::snappy);
    }
    if (size > bytes_max - out.size()) {
        return too_large(bytes_max);
    }
    // A claim that the input cannot hold is refused before memory is taken for it: snappy packs at most 64 into 3.
    if (size > packed.size() * 64) {
        return broken(codec::snappy);
    }
    const auto at = out.size();
    out.resize(at + size);
    if (!snappy::RawUncompress(text(packed.data()), packed.size(), text(out.data() + at))) {
        return broken(codec::snappy);
    }
    return {};
}

result<buffer> snappy_decompress(bytes_view packed, std::size_t bytes_max) {
    buffer out;
    if (!has_snappy_mark(packed)) {
        if (auto done = snappy_block(packed, bytes_max, out); !done) {
            return tl::unexpected(done.error());
        }
        return out;
    }
    reader in(packed.subspan(16));
    while (in.remaining() > 0) {
        const auto size = in.i32();
        const auto block = size < 0 ? bytes_view() : in.bytes(static_cast<std::size_t>(size));
        if (size < 0 || !in.ok()) {
            return broken(codec::snappy);
        }
        if (auto done = snappy_block(block, bytes_max, out); !done) {
            return tl::unexpected(done.error());
        }
    }
    return out;
}

// --- lz4 ---------------------------------------------------------------------------------------------------------
result<buffer> lz4_compress(bytes_view plain) {
    LZ4F_preferences_t preferences{};
    // Independent 64 KiB blocks: what the Java client writes and all that it reads.
    preferences.frameInfo.blockSizeID = LZ4F_max64KB;
    preferences.frameInfo.blockMode = LZ4F_blockIndependent;
    buffer out(LZ4F_compressFrameBound(plain.size(), &preferences));
    const auto size = LZ4F_compressFrame(out.data(), out.size(), plain.data(), plain.size(), &preferences);
    if (LZ4F_isError(size) != 0) {
        return fail(errc::limit, std::string("lz4: ") + LZ4F_getErrorName(size));
    }
    out.resize(size);
    return out;
}

result<buffer> lz4_decompress(bytes_view packed, std::size_t bytes_max) {
    LZ4F_dctx* context = nullptr;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) != 0) {
        return fail(errc::limit, "lz4 cannot start");
    }
    const std::unique_ptr<LZ4F_dctx, LZ4F_errorCode_t (*)(LZ4F_dctx*)> end(context, LZ4F_freeDecompressionContext);
    buffer out;
    std::size_t used = 0;
    std::size_t hint = 1;
    while (hint != 0) {
        if (!grow(out, used, bytes_max)) {
            return too_large(bytes_max);
        }
        auto written = out.size() - used;
        auto taken = packed.size();
        hint = LZ4F_decompress(context, out.data() + used, &written, packed.data(), &taken, nullptr);
        const bool starved = taken == 0 && written == 0;
        if (LZ4F_isError(hint) != 0 || (hint != 0 && starved)) {
            return broken(codec::lz4);
        }
        used += written;
        packed = packed.subspan(taken);
    }
    return ended(std::move(out), used, bytes_max);
}

// --- zstd --------------------------------------------------------------------------------------------------------
result<buffer> zstd_compress(bytes_view plain) {
    buffer out(ZSTD_compressBound(plain.size()));
    const auto size = ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), ZSTD_CLEVEL_DEFAULT);
    if (ZSTD_isError(size) != 0) {
        return fail(errc::limit, std::string("zstd: ") + ZSTD_getErrorName(size));
    }
    out.resize(size);
    return out;
}

result<buffer> zstd_decompress(bytes_view packed, std::size_t bytes_max) {
    const std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(), ZSTD_freeDStream);
    if (!stream) {
        return fail(errc::limit, "zstd cannot start");
    }
    buffer out;
    std::size_t used = 0;
    ZSTD_inBuffer in{packed.data(), packed.size(), 0};
    for (;;) {
        if (!grow(out, used, bytes_max)) {
            return too_large(bytes_max);
        }
        ZSTD_outBuffer target{out.data(), out.size(), used};
        const auto hint = ZSTD_decompressStream(stream.get(), &target, &in);
        const bool starved = in.pos == in.size && target.pos < target.size && hint != 0;
        if (ZSTD_isError(hint) != 0 || starved) {
            return broken(codec::zstd);
        }
        used = target.pos;
        if (hint == 0 && in.pos == in.size) {
            break;
        }
    }
    return ended(std::move(out), used, bytes_max);
}

} // namespace

std::string_view to_string(codec kind) noexcept {
    switch (kind) {
    case codec::none: return "none";
    case codec::gzip: return "gzip";
    case codec::snappy: return "snappy";
    case codec::lz4: return "lz4";
    case codec::zstd: return "zstd";
    }
    return "unknown";
}

result<std::vector<std::byte>> compress(codec kind, bytes_view plain) {
    switch (kind) {
    case codec::none: return buffer(plain.begin(), plain.end());
    case codec::gzip: return gzip_compress(plain);
    case codec::snappy: return snappy_compress(plain);
    case codec::lz4: return lz4_compress(plain);
    case codec::zstd: return zstd_compress(plain);
    }
    return fail(errc::unsupported, "unknown compression codec " + std::to_string(static_cast<int>(kind)));
}

result<std::vector<std::byte>> decompress(codec kind, bytes_view packed, std::size_t bytes_max) {
    switch (kind) {
    case codec::none:
        if (packed.size() > bytes_max) {
            return too_large(bytes_max);
        }
        return buffer(packed.begin(), packed.end());
    case codec::gzip: return gzip_decompress(packed, bytes_max);
    case codec::snappy: return snappy_decompress(packed, bytes_max);
    case codec::lz4: return lz4_decompress(packed, bytes_max);
    case codec::zstd: return zstd_decompress(packed, bytes_max);
    }
    return fail(errc::unsupported, "unknown compression codec " + std::to_string(static_cast<int>(kind)));
}

} // namespace cb::wire
