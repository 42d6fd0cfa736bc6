declare module '*.css' {
  const text: string;
  export default text;
}
/** File name of the messenger module that was built together with this loader. */
declare const MESSENGER_FILE: string;
/** The same of the bubble that shows greetings. */
declare const GREETING_FILE: string;
