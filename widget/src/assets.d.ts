declare module '*.css' {
  const text: string;
  export default text;
}
/** File name of the messenger module that was built together with this loader. */
declare const MESSENGER_FILE: string;
