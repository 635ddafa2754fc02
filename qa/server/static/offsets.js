// The API counts in code points, JavaScript in UTF-16 units.

/** Where code points stand in `text`, as UTF-16 indices; `offsets` ascend. */
export const utf16 = (text, offsets) => {
  let index = 0;
  let passed = 0;
  return offsets.map((offset) => {
    for (; passed < offset; passed += 1) index += text.codePointAt(index) > 0xffff ? 2 : 1;
    return index;
  });
};
