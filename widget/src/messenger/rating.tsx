import type { JSX, TargetedSubmitEvent } from 'preact';
import { useState } from 'preact/hooks';
import type { Rating } from '../customer/objects';
import type { Texts } from '../look/texts';
import { toWireError } from '../wire/frames';
import { Icon } from './icons';

export interface RatingCardProps {
  texts: Texts;
  /** What was given already. */
  given: Partial<Rating>;
  rate(rating: Rating): Promise<unknown>;
  cancel(): Promise<unknown>;
}

/** Asks how a chat was; what was given can be changed and taken back. */
export function RatingCard({ texts, given, rate, cancel }: RatingCardProps): JSX.Element {
  const [failure, setFailure] = useState('');
  const isGiven = given.score !== undefined;

  async function run(done: Promise<unknown>): Promise<void> {
    setFailure('');
    await done.catch((error: unknown) => setFailure(texts.refusals[toWireError(error).type] ?? texts.failed));
  }

  function commented(event: TargetedSubmitEvent<HTMLFormElement>): void {
    event.preventDefault();
    const comment = String(new FormData(event.currentTarget).get('comment')).trim();
    if (comment) void run(rate({ score: given.score as 0 | 1, comment }));
  }

  return (
    <div class="card">
      <p>{texts.rate}</p>
      <div class="thumbs">
        {([1, 0] as const).map((score) => (
          <button
            key={score}
            type="button"
            class={given.score === score ? 'choice-button pressed' : 'choice-button'}
            aria-pressed={given.score === score}
            onClick={() => void run(given.score === score ? cancel() : rate({ score }))}
          >
            <Icon name={score ? 'good' : 'bad'} />
            {texts.scores[score]}
          </button>
        ))}
      </div>
      {given.comment ? (
        <p class="faint" dir="auto">
          {given.comment}
        </p>
      ) : (
        isGiven && (
          <form class="field" onSubmit={commented}>
            <label for="parlor-comment">{texts.comment}</label>
            <textarea id="parlor-comment" name="comment" rows={2} dir="auto" maxLength={2_000} />
            <button type="submit" class="choice-button">
              {texts.submit}
            </button>
          </form>
        )
      )}
      <p class="wrong" role="alert">
        {failure}
      </p>
    </div>
  );
}
