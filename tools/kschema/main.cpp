// SPDX-License-Identifier: Apache-2.0
// kschema SCHEMA_DIR OUT_DIR TYPED_LIST   writes tables.cpp, all_typed.hpp, and a header and a source for each API of
// the list kschema --coverage SCHEMA_DIR             prints docs/protocol-coverage.md
#include <algorithm>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include "emit.hpp"

namespace {

namespace fs = std::filesystem;

/// Leaves a file alone that would not change, so that nothing is compiled again for it.
void write_if_changed(const fs::path& file, const std::string& text) {
    std::ifstream in(file, std::ios::binary);
    const std::string old{std::istreambuf_iterator<char>(in), {}};
    if (!in || old != text) {
        std::ofstream(file, std::ios::binary) << text;
    }
}

void generate(const fs::path& schemas, const fs::path& out, const fs::path& typed_list) {
    const auto all = kschema::read_schemas(schemas);
    const auto typed = kschema::read_typed(typed_list, all);
    fs::create_directories(out);
    std::map<std::string, std::vector<kschema::message>> units;
    for (const auto& m : all) {
        if (m.kind == kschema::message_kind::header) {
            units[kschema::snake_case(m.name)].push_back(m);
        } else if (typed.contains(m.api_name)) {
            units[kschema::snake_case(m.api_name)].push_back(m);
        }
    }
    for (const auto& [name, messages] : units) {
        write_if_changed(out / (name + ".hpp"), kschema::emit_typed_header(messages));
        write_if_changed(out / (name + ".cpp"), kschema::emit_typed_source(messages));
    }
    write_if_changed(out / "all_typed.hpp", kschema::emit_all_typed(all, typed));
    write_if_changed(out / "tables.cpp", kschema::emit_tables(all));
}

} // namespace

int main(int argc, char** argv) {
    try {
        if (argc == 3 && std::strcmp(argv[1], "--coverage") == 0) {
            const fs::path folder = argv[2];
            const auto all = kschema::read_schemas(folder);
            std::cout << kschema::emit_coverage(all, kschema::read_typed(folder / "typed.list", all),
                                                kschema::read_uncovered(folder / "uncovered.list"));
            return 0;
        }
        if (argc == 4) {
            generate(argv[1], argv[2], argv[3]);
            return 0;
        }
        std::cerr << "usage: kschema SCHEMA_DIR OUT_DIR TYPED_LIST | kschema --coverage SCHEMA_DIR\n";
        return 2;
    } catch (const std::exception& wrong) {
        std::cerr << "kschema: " << wrong.what() << "\n";
        return 1;
    }
}
