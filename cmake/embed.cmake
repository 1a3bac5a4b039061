# SPDX-License-Identifier: Apache-2.0
# cmake -DOUTPUT=FILE.cpp -DHEADER=a/b.hpp -DNAMESPACE=a::b "-DFILES=name=path,name=path" -P embed.cmake
# Writes a source file that defines each name, declared by the header as `extern const std::string_view`, as what is in
# its file. Bytes, not literals: nothing in a file needs to be escaped.
string(REPLACE "," ";" pairs "${FILES}")
set(text "// Written by cmake/embed.cmake\n#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\n")
foreach(pair IN LISTS pairs)
  string(REGEX MATCH "^([^=]+)=(.*)$" _ "${pair}")
  set(name ${CMAKE_MATCH_1})
  file(READ ${CMAKE_MATCH_2} bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND text "static const char ${name}_bytes[] = {\n${bytes}};\n"
    "const std::string_view ${name}(${name}_bytes, sizeof ${name}_bytes);\n")
endforeach()
string(APPEND text "} // namespace ${NAMESPACE}\n")
file(WRITE ${OUTPUT} "${text}")
