// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <boost/json/value.hpp>

namespace cb::app {

/// The control API's answers as people read them.
std::string mix_text(const boost::json::value& mix);
std::string rules_table(const boost::json::value& rules);
std::string ledger_line(const boost::json::value& entry);
std::string dry_run_table(const boost::json::value& found);
std::string leases_table(const boost::json::value& leases);
std::string counters_table(const boost::json::value& ledger);
/// Any document, one `name: value` a line, nested by indentation.
std::string indented(const boost::json::value& value, int depth = 0);

/// Columns, each as wide as its widest cell.
class text_table {
public:
    explicit text_table(std::vector<std::string> head) { rows_.push_back(std::move(head)); }
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    [[nodiscard]] bool empty() const { return rows_.size() == 1; }
    [[nodiscard]] std::string text() const;

private:
    std::vector<std::vector<std::string>> rows_;
};

} // namespace cb::app
